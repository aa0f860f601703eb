import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAsked } from '../conformance/upstreams.ts';
import { type ClaudeCodeResult, runClaudeCode } from '../helpers/claude-code.ts';
import { requires } from '../helpers/missing-programs.ts';
import {
  answer,
  closedPort,
  type ScriptableUpstream,
  type Step,
  say,
  startUpstream,
  type UpstreamRequest,
} from '../helpers/scriptable-upstream.ts';
import { type ServedEngine, serveEngine } from '../helpers/served-engine.ts';

const need = requires('claude-code');
const cli = path.resolve(import.meta.dirname, '../../src-main/cli.ts');
const key = 'sk-or-canary-set-up-0123456789';
const DONE = 'The file is written.';
const PROMPT = 'Write the file.';
const TOOLS = ['--allowedTools', 'Bash'];

/** A model that writes a file by a tool, and then says so. */
function writesFile(request: UpstreamRequest): Step {
  if (request.protocol === null) throw new Error('that was no question to a model');
  if (readAsked[request.protocol](request.json).results.length > 0) return say(DONE);
  const input = { command: 'echo hello > written.txt', description: 'Writes it' };
  return answer([{ type: 'tool_use', id: 'call_0000000001', name: 'Bash', input }]);
}

const modelsOf = (upstream: ScriptableUpstream): string[] => [
  ...new Set(upstream.asked.map(({ json }) => String((json as { model: unknown }).model))),
];

/** What people have when they come: each ends in a proxy that the real Claude Code works with. */
describe.skipIf(need.missing)(`Claude Code with what its user has${need.reason}`, () => {
  let upstream: ScriptableUpstream;
  let folder: string;
  let cwd: string;
  let engine: ServedEngine | null;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'cproxy-set-up-'));
    cwd = path.join(folder, 'project');
    await Promise.all(['project', 'home', 'user'].map((name) => mkdir(path.join(folder, name))));
    upstream = await startUpstream();
    upstream.script(writesFile);
    engine = null;
  });
  afterEach(async () => {
    await engine?.stop();
    await upstream.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  });

  const home = (): string => path.join(folder, 'home');
  const serve = async (env: NodeJS.ProcessEnv = {}, args: readonly string[] = []): Promise<ServedEngine> => {
    engine = await serveEngine(home(), { env, args });
    return engine;
  };
  const cproxy = async (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const user = { PATH: process.env.PATH, HOME: path.join(folder, 'user'), CPROXY_HOME: home() };
    const child = spawn(process.execPath, [cli, ...args], {
      cwd,
      env: { ...user, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = { out: '', err: '' };
    for (const [name, stream] of [['out', child.stdout] as const, ['err', child.stderr] as const])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said[name] += text;
      });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, ...said };
  };
  const claude = (baseUrl: string, token: string, args: readonly string[] = [], env: Record<string, string> = {}) =>
    runClaudeCode({
      prompt: PROMPT,
      baseUrl,
      token,
      cwd,
      home: path.join(folder, 'user'),
      args: [...TOOLS, ...args],
      env,
    });
  const expectDone = async ({ exitCode, stdout }: ClaudeCodeResult): Promise<void> => {
    expect({ exitCode, stdout: stdout.trim() }).toEqual({ exitCode: 0, stdout: DONE });
    expect(await readFile(path.join(cwd, 'written.txt'), 'utf8')).toBe('hello\n');
  };
  /** In no file that CProxy has written, and in nothing that it has said. */
  const expectHidden = async (secret: string, ...said: string[]): Promise<void> => {
    const names = await readdir(home(), { recursive: true, withFileTypes: true });
    const files = names.filter((one) => one.isFile()).map((one) => path.join(one.parentPath, one.name));
    const texts = await Promise.all(files.map((file) => readFile(file, 'latin1')));
    expect([...texts, ...said].filter((text) => text.includes(secret))).toEqual([]);
  };

  it('the example of the paper', async () => {
    const model = 'google/gemini-2.0-pro-exp-02-05:free';
    const provider = {
      ...{ id: 'openrouter', name: 'OpenRouter', type: 'openrouter', baseUrl: 'https://openrouter.ai/api' },
      ...{ models: [model], capabilities: { streaming: true, tools: true, reasoning: true } },
      ...{ priority: 1, enabled: true },
    };
    const loadBalancing = { strategy: 'weighted', healthCheck: true, failover: true };
    const routing = { defaultProvider: 'openrouter', loadBalancing };
    await writeFile(path.join(home(), 'config.json'), JSON.stringify({ providers: [provider], routing }, null, 2));
    const { url, token, log } = await serve({
      CPROXY_SERVER__PORT: '0',
      // Not the real one: nothing leaves this machine.
      CPROXY_PROVIDERS__0__BASE_URL: `${upstream.url}/api`,
      CPROXY_PROVIDERS__0__KEY: 'env:OPENROUTER_API_KEY',
      OPENROUTER_API_KEY: key,
    });
    await expectDone(await claude(url, token));
    expect(modelsOf(upstream)).toEqual([model]);
    expect(upstream.asked[0]?.headers.authorization).toBe(`Bearer ${key}`);
    await expectHidden(key, log());
  });

  it('a configuration of claude-code-router', async () => {
    const file = path.join(folder, 'ccr.json');
    const address = `${upstream.url}/v1/chat/completions`;
    await writeFile(
      file,
      JSON.stringify({
        ...{ LOG: true, APIKEY: 'sk-ccr-canary-old-token', HOST: '127.0.0.1' },
        Providers: [
          { name: 'work', api_base_url: address, api_key: '$WORK_KEY', models: ['large', 'small'] },
          { name: 'lab', api_base_url: address, api_key: 'sk-lab-canary-in-the-file', models: ['thinker'] },
        ],
        Router: { default: 'work,large', background: 'work,small', think: 'work,large' },
      }),
    );
    const imported = await cproxy(['config', 'import', file, '--write'], { WORK_KEY: key });
    expect(imported).toMatchObject({ code: 0 });
    const { url, token, log } = await serve({ CPROXY_SERVER__PORT: '0', WORK_KEY: key });
    await expectDone(await claude(url, token));
    expect(modelsOf(upstream)).toEqual(['large']);
    expect(upstream.asked[0]?.headers.authorization).toBe(`Bearer ${key}`);
    for (const secret of [key, 'sk-lab-canary-in-the-file', 'sk-ccr-canary-old-token'])
      await expectHidden(secret, log(), imported.out, imported.err);
  });

  it('the variables of the old cproxy, and no file', async () => {
    const port = await closedPort();
    const { url, log } = await serve({
      PORT: String(port),
      ANTHROPIC_PROXY_BASE_URL: upstream.url,
      OPENROUTER_API_KEY: key,
      REASONING_MODEL: 'vendor/thinker',
      COMPLETION_MODEL: 'vendor/writer',
    });
    expect(new URL(url).port).toBe(String(port));
    // It asked for no token, and neither did it send a key.
    await expectDone(await claude(url, 'any'));
    expect(modelsOf(upstream)).toEqual(['vendor/thinker']);
    expect(upstream.asked.map(({ headers }) => headers.authorization)).toEqual(upstream.asked.map(() => undefined));
    await expectDone(await claude(url, 'any', [], { CLAUDE_CODE_DISABLE_THINKING: '1' }));
    expect(modelsOf(upstream)).toEqual(['vendor/thinker', 'vendor/writer']);
    await expectHidden(key, log());
  });

  it('a set-up, and its undo', async () => {
    await writeFile(
      path.join(home(), 'config.yaml'),
      `providers:\n  - { id: local, type: openai-compatible, baseUrl: "${upstream.url}", models: [qwen3] }\n`,
    );
    const { url } = await serve({ CPROXY_SERVER__PORT: '0' });
    const settings = path.join(folder, 'user', '.claude', 'settings.json');
    const mine =
      '{\n\t"cleanupPeriodDays": 20,\n\t"env": {"MINE": "1"},\r\n\t"permissions": { "deny": ["Bash(rm:*)"] }\n}';
    await mkdir(path.dirname(settings));
    await writeFile(settings, mine);

    expect(await cproxy(['setup', 'claude-code', '--yes'])).toMatchObject({ code: 0 });
    const written = JSON.parse(await readFile(settings, 'utf8')) as { env: Record<string, string> };
    expect(written.env).toMatchObject({ MINE: '1', ANTHROPIC_BASE_URL: url });
    // The settings win over what the shell says, which leads nowhere.
    const nowhere = `http://127.0.0.1:${await closedPort()}`;
    await expectDone(await claude(nowhere, 'none'));
    expect(modelsOf(upstream)).toEqual(['qwen3']);

    expect(await cproxy(['setup', 'claude-code', '--undo', '--yes'])).toMatchObject({ code: 0 });
    expect(await readFile(settings, 'utf8')).toBe(mine);
    const asked = upstream.asked.length;
    const after = await claude(nowhere, 'none', [], { CLAUDE_CODE_MAX_RETRIES: '0' });
    expect(after.exitCode).not.toBe(0);
    expect(upstream.asked).toHaveLength(asked);
    // The token of the set-up opens nothing any more.
    const refused = await fetch(`${url}/v1/models`, {
      headers: { authorization: `Bearer ${written.env.ANTHROPIC_AUTH_TOKEN}` },
    });
    expect(refused.status).toBe(401);
  });
});
