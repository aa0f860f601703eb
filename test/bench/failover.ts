import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { parseArgs } from 'node:util';
import type { ConfigInput } from '../../src-shared/config.ts';
import {
  close,
  closedPort,
  fail,
  type ScriptableUpstream,
  type Step,
  say,
  startUpstream,
} from '../helpers/scriptable-upstream.ts';
import { dialectRequest } from './dialect-requests.ts';
import { type EngineProcess, startEngineProcess } from './engine-process.ts';
import { median, percentile } from './statistics.ts';
import { figure, table } from './table.ts';

/**
 * What it costs a client that its first provider fails: time to the first byte of the answer, beside the time that the
 * second provider takes alone.
 */

/** The most that may be added to the second provider's own time, in ms. */
const limitMs = 20;

/** How the first provider fails; null: nobody listens there. */
const failures: readonly (readonly [string, Step | null])[] = [
  ['connection refused', null],
  ['connection reset', close()],
  ['HTTP 500', fail(500)],
  ['HTTP 529', fail(529, { type: 'overloaded_error' })],
  ['HTTP 429', fail(429, { type: 'rate_limit_error' })],
];

/** The second provider's own time before its first byte, in ms. */
const ownTimes = [0, 50];

type Providers = NonNullable<ConfigInput['providers']>;

const print = (line: string): boolean => process.stdout.write(`${line}\n`);

/** Each failing provider is met once: after that it is known to fail, and asked later. */
const failingId = (failure: number, time: number, round: number): string => `first-${failure}-${time}-${round}`;

async function configOf(first: ScriptableUpstream, second: ScriptableUpstream, rounds: number): Promise<ConfigInput> {
  const nobody = `http://127.0.0.1:${await closedPort()}`;
  const providers: Providers = [{ id: 'second', type: 'anthropic-compatible', baseUrl: second.url, models: ['m'] }];
  const aliases: Record<string, string[]> = {};
  for (const [failure, [, step]] of failures.entries())
    for (const time of ownTimes)
      for (let round = 0; round < rounds; round += 1) {
        const id = failingId(failure, time, round);
        // The path says how it fails.
        const baseUrl = step === null ? nobody : `${first.url}/${failure}`;
        providers.push({ id, type: 'anthropic-compatible', baseUrl, models: ['m'] });
        aliases[id] = [`${id}/m`, 'second/m'];
      }
  return { providers, aliases };
}

const agent = new Agent({ keepAlive: true });

/** @returns ms from the request to the first byte of its answer. @throws Error where it was not answered as it must be. */
function firstByteMs(engine: EngineProcess, body: string, attempts: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const asked = request(
      `${engine.url}/v1/messages?beta=true`,
      {
        method: 'POST',
        agent,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'anthropic-version': '2023-06-01',
          'x-claude-code-session-id': randomUUID(),
          authorization: `Bearer ${engine.token}`,
        },
      },
      (response) => {
        let firstMs: number | null = null;
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          firstMs ??= performance.now() - started;
          text += chunk;
        });
        response.on('end', () => {
          const made = Number(response.headers['x-cproxy-attempts']);
          if (firstMs === null || !text.includes('from the second') || made !== attempts)
            reject(
              new Error(`HTTP ${response.statusCode} after ${made} attempts, not ${attempts}: ${text.slice(0, 300)}`),
            );
          else resolve(firstMs);
        });
        response.on('error', reject);
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

/** @returns whether every failure cost no more than it may. */
async function main(): Promise<boolean> {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '200' } } });
  const rounds = Number(values.rounds);
  await using first = await startUpstream();
  await using second = await startUpstream();
  first.script((asked) => {
    const step = failures[Number(asked.path.split('/')[1])]?.[1];
    if (step === undefined || step === null) throw new Error(`nobody fails at ${asked.path}`);
    return step;
  });
  let ownMs = 0;
  second.script(() => say('from the second', { headerDelayMs: ownMs }));
  await using engine = await startEngineProcess(await configOf(first, second, rounds));
  const bodyFor = (model: string): string => dialectRequest('anthropic', model, true, 'burst');
  for (let round = 0; round < 50; round += 1) await firstByteMs(engine, bodyFor('second/m'), 1);

  const rows: string[][] = [];
  let most = 0;
  for (const time of ownTimes) {
    ownMs = time;
    for (const [failure, [name]] of failures.entries()) {
      const alone: number[] = [];
      const after: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        alone.push(await firstByteMs(engine, bodyFor('second/m'), 1));
        after.push(await firstByteMs(engine, bodyFor(failingId(failure, time, round)), 2));
      }
      const added = median(after) - median(alone);
      most = Math.max(most, added);
      rows.push([
        `${name}, then a provider that takes ${time} ms`,
        figure(median(alone)),
        figure(median(after)),
        figure(added),
        figure(percentile(after, 0.99) - percentile(alone, 0.99)),
      ]);
    }
  }
  print(`Time to the first byte of a stream, ms; medians of ${rounds}, a request of 60 kB:\n`);
  print(table(['first provider', 'second alone', 'after the failure', 'added', 'added, p99'], rows));
  const reached = most <= limitMs;
  print(`\n${reached ? 'pass' : 'FAIL'}  added by a failure: at most ${figure(most)} ms (limit ${limitMs} ms)`);
  agent.destroy();
  return reached;
}

process.exitCode = (await main()) ? 0 : 1;
