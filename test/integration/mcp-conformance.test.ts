import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addConformanceFixtures } from '../helpers/conformance-fixtures.ts';
import { type McpDoor, startMcpDoor } from '../helpers/mcp-door.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';

const suite = path.resolve(import.meta.dirname, '../../node_modules/@modelcontextprotocol/conformance/dist/index.js');

let folder: string;
let running: RunningEngine;
let door: McpDoor;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cproxy-conformance-'));
  running = await runEngine();
  // The suite cannot send a token. `Host` and `Origin` are checked as ever, which is one of its scenarios.
  door = await startMcpDoor(await running.engine.mcpEngine(), { prepare: addConformanceFixtures, auth: 'none' });
});
afterAll(async () => {
  await door[Symbol.asyncDispose]();
  await running.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the official suite for servers, as its users do. @returns its exit code, and what it has printed */
function runSuite(...args: string[]): Promise<{ code: number; text: string }> {
  const all = [suite, 'server', '--url', `${door.url}/mcp`, '-o', folder, ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, all, { cwd: folder, maxBuffer: 16e6 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, text: `${stdout}${stderr}` });
    });
  });
}

it.each(['2025-06-18', '2025-11-25'])(
  'passes every scenario of the official suite for revision %s, with nothing excepted',
  async (revision) => {
    const { code, text } = await runSuite('--suite', 'all', '--spec-version', revision);
    expect({ code, failed: text.match(/^✗.*$/gm) ?? [], total: /Total: .*/.exec(text)?.[0] }).toEqual({
      code: 0,
      failed: [],
      total: expect.stringMatching(/^Total: [1-9]\d* passed, 0 failed/),
    });
    expect(door.problems).toEqual([]);
  },
  60_000,
);

it('fails where a server does not do what a scenario is about', async () => {
  await using bare = await startMcpDoor(await running.engine.mcpEngine(), { auth: 'none' });
  const { code, text } = await new Promise<{ code: unknown; text: string }>((resolve) => {
    const args = [suite, 'server', '--url', `${bare.url}/mcp`, '-o', folder, '--scenario', 'tools-call-simple-text'];
    execFile(process.execPath, args, { cwd: folder }, (error, stdout) => resolve({ code: error?.code, text: stdout }));
  });
  expect(code).toBe(1);
  expect(text).toContain('There is no tool');
});
