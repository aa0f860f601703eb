import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAsked } from '../conformance/upstreams.ts';
import { runClaudeCode, runClaudeCodeCommand } from '../helpers/claude-code.ts';
import { connectMcp } from '../helpers/mcp-client.ts';
import { requires } from '../helpers/missing-programs.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import {
  callTools,
  type ScriptableUpstream,
  say,
  startUpstream,
  type UpstreamRequest,
} from '../helpers/scriptable-upstream.ts';

const need = requires('claude-code');
const cli = path.resolve(import.meta.dirname, '../../dist/main/cli.js');
const KEY = 'sk-provider-canary-1234567890';
const tools = ['mcp__cproxy__explain_route', 'mcp__cproxy__proxy_completion'];

interface Way {
  name: string;
  /** What `claude mcp add` is given. */
  add: (at: { running: RunningEngine; alone: string }) => string[];
  explain: Record<string, unknown>;
  /** Whose log has what proxy_completion has asked: the client there; null: not that of the CProxy that runs. */
  client: string | null;
}

const stdio = (home: string): string[] => ['cproxy', '-e', `CPROXY_HOME=${home}`, '--', process.execPath, cli, 'mcp'];

const ways: readonly Way[] = [
  {
    name: 'over HTTP, with a token',
    add: ({ running: { url, token } }) => [
      ...['--transport', 'http', 'cproxy', `${url}/mcp`, '--header', `Authorization: Bearer ${token}`],
    ],
    explain: { request: 'latest' },
    // The name of the token that an engine makes at its first start.
    client: 'first',
  },
  {
    name: 'over stdio, where CProxy runs',
    add: ({ running }) => stdio(running.home),
    explain: { request: 'latest' },
    client: 'mcp',
  },
  {
    name: 'over stdio, where none runs',
    add: ({ alone }) => stdio(alone),
    explain: { hypothetical: { model: 'main/first' } },
    client: null,
  },
];

/** The results of tools that stand in a question to the model. */
const results = ({ protocol, json }: UpstreamRequest): string[] =>
  protocol === null ? [] : readAsked[protocol](json).results.map(({ text }) => text);

/** Claude Code talks to a model through CProxy, and that model uses CProxy's tools. */
describe.skipIf(need.missing)(`the real Claude Code and CProxy's tools${need.reason}`, () => {
  let upstream: ScriptableUpstream;
  let running: RunningEngine;
  let folder: string;
  let alone: string;

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'cproxy-claude-mcp-'));
    alone = path.join(folder, 'alone');
    for (const name of ['home', 'project', 'alone']) mkdirSync(path.join(folder, name));
    upstream = await startUpstream();
    const provider = { type: 'openai-compatible' as const, baseUrl: upstream.url };
    const providers = [
      { ...provider, id: 'main', models: ['first'], key: 'env:KEY' },
      { ...provider, id: 'other', models: ['second'], key: 'env:KEY' },
    ];
    running = await runEngine({ providers }, { env: { KEY } });
    // Its environment is Claude Code's, which has no key.
    const key = `file:${path.join(alone, 'key')}`;
    writeFileSync(path.join(alone, 'key'), KEY);
    const config = { providers: providers.map((one) => ({ ...one, key })), modelLists: { fetch: false } };
    writeFileSync(path.join(alone, 'config.json'), JSON.stringify(config));
  });
  afterEach(async () => {
    await running.stop();
    await upstream.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });

  it.each(ways)('$name', async ({ add, explain, client }) => {
    const place = { home: path.join(folder, 'home'), cwd: path.join(folder, 'project') };
    const common = { ...place, baseUrl: running.url, token: running.token };
    const claude = (...args: string[]) => runClaudeCodeCommand({ ...common, args });
    const added = await claude('mcp', 'add', ...add({ running, alone }));
    expect([added.exitCode, added.stderr]).toEqual([0, '']);
    const listed = await claude('mcp', 'list');
    expect(listed.stdout).toMatch(/^cproxy: .* ✔ Connected$/m);

    upstream.script((request) => {
      if (request.model === 'second') return say('The word is pumpernickel.');
      const [explained, answered] = results(request);
      if (explained === undefined) return callTools([{ name: tools[0] ?? '', input: explain }]);
      if (answered === undefined)
        return callTools([{ name: tools[1] ?? '', input: { prompt: 'What is the word?', model: 'other/second' } }]);
      return say(`I asked why: ${explained}\nThe other model said: ${answered}`);
    });
    const prompt = 'Ask the other model for the word.';
    const args = ['--model', 'main/first', '--allowedTools', ...tools];
    const { exitCode, stdout, stderr } = await runClaudeCode({ ...common, prompt, args });
    expect(exitCode, stderr).toBe(0);

    const asked = upstream.asked.map(({ model }) => model);
    expect(asked).toEqual(['first', 'first', 'second', 'first']);
    const [, , other, last] = upstream.asked;
    expect(other?.text).toContain('What is the word?');
    const [explained = '', answered = ''] = last === undefined ? [] : results(last);
    expect(explained).toContain('main/first');
    expect(answered).toContain('The word is pumpernickel.');
    // It has used the answers.
    expect(stdout).toContain(explained.trim());
    expect(stdout).toContain('The word is pumpernickel.');
    for (const text of [stdout, stderr, listed.stdout]) expect(text).not.toContain(KEY);

    await using mcp = await connectMcp(running);
    const { requests } = (await mcp.value('recent_requests', { limit: 20 })) as {
      requests: { id: string; target: string | null; client: string | null }[];
    };
    const logged = requests.filter(({ target }) => target === 'other/second');
    expect(logged.map((request) => request.client)).toEqual(client === null ? [] : [client]);
  });
});
