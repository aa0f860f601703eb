import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cli, mcpEnvironment } from '../helpers/mcp-stdio.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';

vi.setConfig({ testTimeout: 60_000 });

const inspector = path.resolve(
  import.meta.dirname,
  '../../node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js',
);

let upstream: ScriptableUpstream;
let running: RunningEngine;
let own: string;

beforeAll(async () => {
  own = mkdtempSync(path.join(tmpdir(), 'cproxy-inspector-'));
  upstream = await startUpstream();
  upstream.script(() => say('Four.'));
  running = await runEngine({
    providers: [{ id: 'one', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['a'] }],
  });
  await (await running.ask(question('2 + 2?', { model: 'one/a' }))).text();
});
afterAll(async () => {
  await running.stop();
  await upstream.close();
  rmSync(own, { recursive: true, force: true });
});

/** The official Inspector's command line, as a user runs it. @returns what it has printed, read */
function inspect(target: readonly string[], args: readonly string[]): Promise<Record<string, unknown>> {
  const all = [inspector, '--cli', ...target, ...args];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, all, { env: mcpEnvironment(own), maxBuffer: 16e6 }, (error, stdout, stderr) => {
      if (error !== null) reject(new Error(`the Inspector failed: ${stdout}${stderr}`));
      else resolve(JSON.parse(stdout));
    });
  });
}

const overHttp = (): string[] => [
  `${running.url}/mcp`,
  ...['--transport', 'http', '--header', `Authorization: Bearer ${running.token}`],
];
// The same engine, by way of a process of its own.
const overStdio = (): string[] => ['-e', `CPROXY_HOME=${running.home}`, '--', process.execPath, cli, 'mcp'];

describe.each([
  ['Streamable HTTP', overHttp],
  ['standard input and output', overStdio],
])('the Inspector over %s', (_name, target) => {
  const ask = (...args: string[]): Promise<Record<string, unknown>> =>
    // What follows `--` is the server's.
    target === overStdio ? inspect([...args, ...target()], []) : inspect(target(), args);

  it('lists the tools, with their schemas', async () => {
    const { tools } = (await ask('--method', 'tools/list')) as { tools: Record<string, unknown>[] };
    const explain = tools.find(({ name }) => name === 'explain_route');
    expect(explain).toMatchObject({
      inputSchema: { type: 'object' },
      outputSchema: { type: 'object' },
      annotations: { readOnlyHint: true },
    });
    expect(tools.map(({ name }) => name)).toContain('proxy_completion');
  });

  it('calls tools', async () => {
    const explained = await ask(
      '--method',
      'tools/call',
      '--tool-name',
      'explain_route',
      '--tool-arg',
      'request=latest',
    );
    expect(JSON.stringify(explained)).toContain('one/a');
    const completed = await ask(
      ...['--method', 'tools/call', '--tool-name', 'proxy_completion'],
      ...['--tool-arg', 'prompt=2 + 2?', 'model=one/a'],
    );
    expect(completed.isError).not.toBe(true);
    expect(JSON.stringify(completed.content)).toContain('Four.');
  });

  it('lists and reads resources', async () => {
    const { resources } = (await ask('--method', 'resources/list')) as { resources: { uri: string }[] };
    expect(resources.map(({ uri }) => uri)).toContain('cproxy://providers');
    const { contents } = (await ask('--method', 'resources/read', '--uri', 'cproxy://providers')) as {
      contents: { text: string }[];
    };
    expect(contents[0]?.text).toContain('"one"');
  });

  it('lists prompts, and gets one', async () => {
    const { prompts } = (await ask('--method', 'prompts/list')) as { prompts: { name: string }[] };
    expect(prompts.map(({ name }) => name).sort()).toEqual([
      ...['code_review', 'compare_and_decide', 'diagnose_routing', 'second_opinion'],
    ]);
    const got = await ask(
      ...['--method', 'prompts/get', '--prompt-name', 'second_opinion'],
      ...['--prompt-args', 'question=Tabs or spaces?'],
    );
    expect(JSON.stringify(got.messages)).toContain('Tabs or spaces?');
  });
});
