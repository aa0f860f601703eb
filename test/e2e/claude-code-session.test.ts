import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findClaudeCode } from '../helpers/claude-code.ts';
import { requires } from '../helpers/missing-programs.ts';
import { noBackground } from '../helpers/no-background.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';

const need = requires('claude-code');
const cli = path.resolve(import.meta.dirname, '../../src-main/cli.ts');

/** `cproxy claude`, with the real Claude Code, against vendors of our own. */
describe.skipIf(need.missing)(`cproxy claude and the real Claude Code${need.reason}`, () => {
  let upstream: ScriptableUpstream;
  let running: RunningEngine;
  let folder: string;

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'cproxy-claude-'));
    for (const name of ['user', 'project', 'tmp']) mkdirSync(path.join(folder, name));
    upstream = await startUpstream();
    upstream.script(() => say('It is done.'));
  });
  afterEach(async () => {
    await running.stop();
    await upstream.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const claude = async (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const child = spawn(process.execPath, [cli, 'claude', ...args], {
      cwd: path.join(folder, 'project'),
      // Nothing of our own environment: a key or a base URL of the person who runs the tests must not get in.
      env: {
        ...noBackground,
        ...{ PATH: '/usr/local/bin:/usr/bin:/bin', HOME: path.join(folder, 'user'), CPROXY_HOME: running.home },
        ...{ TERM: 'xterm', LANG: 'C.UTF-8', SHELL: '/bin/bash', IS_SANDBOX: '1' },
        CPROXY_CLAUDE: findClaudeCode() ?? '',
        CLAUDE_CODE_TMPDIR: path.join(folder, 'tmp'),
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        DISABLE_TELEMETRY: '1',
        DISABLE_ERROR_REPORTING: '1',
        DISABLE_AUTOUPDATER: '1',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, out: out.trim(), err };
  };

  it('answers through CProxy, asks for the models, and leaves no settings', async () => {
    running = await runEngine({
      providers: [{ id: 'local', type: 'openai-compatible', baseUrl: upstream.url, models: ['qwen3'] }],
    });
    const { code, out } = await claude(['-p', 'Do it.', '--model', 'claude:local/qwen3']);
    expect([code, out]).toEqual([0, 'It is done.']);
    const [asked] = upstream.asked;
    expect(JSON.parse(asked?.text ?? '')).toMatchObject({ model: 'qwen3' });
    expect(running.engine.status().requests).toMatchObject({ failed: 0 });
    const user = path.join(folder, 'user', '.claude');
    expect(existsSync(path.join(user, 'settings.json'))).toBe(false);
    const kept = path.join(user, 'cache', 'gateway-models.json');
    expect(JSON.parse(readFileSync(kept, 'utf8'))).toMatchObject({
      baseUrl: running.url,
      models: [{ id: 'claude:local/qwen3', display_name: 'qwen3 (local)' }],
    });
  });

  it("keeps the user's own login, and lets itself in beside it", async () => {
    const logins: string[][] = [];
    running = await runEngine(
      {
        providers: [
          { id: 'anthropic', type: 'anthropic', baseUrl: upstream.url, key: 'client', models: ['claude-opus-5-5'] },
        ],
      },
      {
        middleware: [
          {
            name: 'logins',
            request: (context, next) => {
              logins.push([...context.request.clientCredentials]);
              return next();
            },
          },
        ],
      },
    );
    const { out } = await claude(['-p', 'Do it.'], { CLAUDE_CODE_OAUTH_TOKEN: 'oauth-login-canary' });
    expect(logins[0]).toEqual(['authorization', 'Bearer oauth-login-canary']);
    // It has come through to its provider, who sends a login nowhere but to Anthropic.
    expect(out).toContain("the client's own login is sent to the vendor's own address only");
    expect(upstream.requests).toEqual([]);
  });

  it('passes on what is for Claude Code alone', async () => {
    running = await runEngine();
    const { code, out } = await claude(['--version']);
    expect(code).toBe(0);
    expect(out).toMatch(/^\d+\.\d+\.\d+ \(Claude Code\)$/);
    expect((await claude(['--no-such-option'])).code).not.toBe(0);
  });
});
