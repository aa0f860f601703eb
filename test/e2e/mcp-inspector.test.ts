import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';

const root = path.resolve(import.meta.dirname, '../..');
const inspector = path.join(root, 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js');
const cli = path.join(root, 'dist/main/cli.js');

let running: RunningEngine;
/** Of a CProxy that does not run. */
let alone: string;
let user: string;

beforeAll(async () => {
  user = mkdtempSync(path.join(tmpdir(), 'cproxy-inspector-'));
  alone = mkdtempSync(path.join(tmpdir(), 'cproxy-inspector-alone-'));
  const providers = [{ id: 'demo', type: 'demo' as const }];
  writeFileSync(path.join(alone, 'config.json'), JSON.stringify({ providers, modelLists: { fetch: false } }));
  running = await runEngine({ providers });
  // Something to explain.
  const asked = await running.ask({ model: 'demo', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] });
  await asked.text();
});
afterAll(async () => {
  await running.stop();
  for (const folder of [user, alone]) rmSync(folder, { recursive: true, force: true });
});

/** One call of the Inspector's command line. @returns the result that it has printed */
async function inspect(target: readonly string[], flags: readonly string[]): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, [inspector, '--cli', ...target, ...flags, '--format', 'json', '--quiet'], {
    cwd: user,
    env: { PATH: process.env.PATH ?? '', HOME: user, USERPROFILE: user, NO_COLOR: '1' },
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
  expect(code, `${flags.join(' ')}: ${err}`).toBe(0);
  const { result } = JSON.parse(out);
  return result;
}

const ways: readonly [string, () => string[]][] = [
  [
    'over HTTP, with a token',
    () => [`${running.url}/mcp`, '--transport', 'http', '--header', `Authorization: Bearer ${running.token}`],
  ],
  ['over stdio, where CProxy runs', () => [process.execPath, cli, 'mcp', '-e', `CPROXY_HOME=${running.home}`]],
  ['over stdio, where none runs', () => [process.execPath, cli, 'mcp', '-e', `CPROXY_HOME=${alone}`]],
];

describe.each(ways)('the Inspector, %s', (name, target) => {
  const runs = !name.endsWith('none runs');

  it('lists tools, and calls one', async () => {
    const { tools } = await inspect(target(), ['--method', 'tools/list']);
    expect(tools).toContainEqual(expect.objectContaining({ name: 'proxy_completion', inputSchema: expect.anything() }));
    const args = runs ? { request: 'latest' } : { hypothetical: { model: 'demo' } };
    const flags = ['--method', 'tools/call', '--tool-name', 'explain_route', '--tool-args-json', JSON.stringify(args)];
    const { isError, structuredContent } = await inspect(target(), flags);
    expect(isError ?? false).toBe(false);
    expect(JSON.stringify(structuredContent)).toContain('demo');
  });

  it('lists resources, and reads one', async () => {
    const { resources } = await inspect(target(), ['--method', 'resources/list']);
    expect(resources).toContainEqual(expect.objectContaining({ uri: 'cproxy://providers' }));
    const { contents } = await inspect(target(), ['--method', 'resources/read', '--uri', 'cproxy://providers']);
    expect(contents).toEqual([expect.objectContaining({ uri: 'cproxy://providers', mimeType: 'application/json' })]);
    expect(JSON.stringify(contents)).toContain('demo');
  });

  it('lists prompts, and fills one in', async () => {
    const { prompts } = await inspect(target(), ['--method', 'prompts/list']);
    expect(prompts).toContainEqual(expect.objectContaining({ name: 'second_opinion' }));
    const asked = ['--prompt-name', 'second_opinion', '--prompt-args', 'question=tabs-or-spaces'];
    const { messages } = await inspect(target(), ['--method', 'prompts/get', ...asked]);
    expect(JSON.stringify(messages)).toContain('tabs-or-spaces');
  });
});
