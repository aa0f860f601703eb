import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addConformanceFixtures } from '../helpers/mcp-conformance-fixtures.ts';
import { type McpDoor, startMcpDoor } from '../helpers/mcp-door.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { startTokenHop, type TokenHop } from '../helpers/token-hop.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const suite = path.resolve(import.meta.dirname, '../../node_modules/@modelcontextprotocol/conformance/dist/index.js');
const baseline = path.resolve(import.meta.dirname, 'mcp-conformance-baseline.yml');

interface Check {
  id: string;
  status: string;
  errorMessage?: string;
}

let running: RunningEngine;
let door: McpDoor;
let hop: TokenHop;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'cproxy-conformance-'));
  running = await runEngine({ providers: [{ id: 'demo', type: 'demo' }] });
  door = await startMcpDoor(await running.engine.mcpEngine(), { prepare: addConformanceFixtures });
  hop = await startTokenHop(door, { cutOnce: 'test_reconnection' });
});
afterAll(async () => {
  await hop[Symbol.asyncDispose]();
  await door[Symbol.asyncDispose]();
  await running.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the suite in an environment of its own. Its server scenarios ask nothing but the address that they are given. */
async function conformance(args: readonly string[]): Promise<{ code: number | null; out: string }> {
  const child = spawn(process.execPath, [suite, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '', HOME: folder, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out };
}

describe('the conformance suite of MCP', () => {
  it('finds nothing wrong with any server scenario but those of the baseline', async () => {
    const { out: listed } = await conformance(['list', '--server']);
    const scenarios = [...listed.matchAll(/^ {2}- (\S+)/gm)].map(([, name]) => name ?? '');
    expect(scenarios.length).toBeGreaterThan(30);

    const results = path.join(folder, 'results');
    const args = ['--url', `${hop.url}/mcp`, '--suite', 'all', '--expected-failures', baseline];
    const { code, out } = await conformance(['server', ...args, '--output-dir', results]);
    expect(code, out).toBe(0);

    const folders = readdirSync(results);
    for (const scenario of scenarios)
      expect(
        folders.some((name) => name.startsWith(`server-${scenario}-`)),
        scenario,
      ).toBe(true);
    const checks = folders.flatMap((name): Check[] =>
      JSON.parse(readFileSync(path.join(results, name, 'checks.json'), 'utf8')),
    );
    // A warning is no failure to the suite; here it is one.
    expect(checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING')).toEqual([]);
    // The connection was lost in the middle of a call, and the answer came over the next one.
    expect(checks).toContainEqual(expect.objectContaining({ id: 'server-sse-disconnect-resume', status: 'SUCCESS' }));
    expect(door.problems).toEqual([]);
    await waitUntil('no request is under way', () => door.sessions.running === 0);
  });
});
