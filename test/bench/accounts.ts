import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { ConfigInput } from '../../src-shared/config.ts';
import { type EngineProcess, startEngineProcess } from './engine-process.ts';
import { median } from './statistics.ts';
import { figure, megabytes, table } from './table.ts';

/**
 * What keeping accounts costs: processor time of a request that is passed through, with all of it on beside the same build with
 * all of it off; and how much memory a thousand large requests leave behind. With `--telemetry`, the same of traces and metrics that
 * go to a collector, beside all of the rest without them.
 */

const GOAL_RATIO = 1.25;
const GOAL_GROWTH_BYTES = 50e6;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    requests: { type: 'string', default: '600' },
    telemetry: { type: 'boolean', default: false },
  },
});
const [rounds, requests] = [Number(values.rounds), Number(values.requests)];

const ALL_OFF: ConfigInput = { history: { keep: 'memory', bodies: { memory: 0 } }, logging: { level: 'error' } };
const ALL_ON: ConfigInput = {
  history: { keep: 'disk' },
  logging: { level: 'info', format: 'json', file: true },
};

const collector = createServer((incoming, response) => {
  incoming.resume();
  incoming.once('end', () => response.end('{}'));
});
collector.listen(0, '127.0.0.1');
await once(collector, 'listening');
const collectorUrl = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;

const [ON, OFF] = values.telemetry ? [{ ...ALL_ON, telemetry: { endpoint: collectorUrl } }, ALL_ON] : [ALL_ON, ALL_OFF];
const [onName, offName] = values.telemetry ? ['with telemetry', 'without'] : ['all on', 'all off'];

const events: readonly { type: string }[] = [
  {
    type: 'message_start',
    ...{
      message: {
        ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [], stop_reason: null },
        usage: { input_tokens: 3, cache_read_input_tokens: 20_000, cache_creation_input_tokens: 400, output_tokens: 1 },
      },
    },
  },
  { type: 'content_block_start', ...{ index: 0, content_block: { type: 'text', text: '' } } },
  ...Array.from({ length: 20 }, () => ({
    type: 'content_block_delta',
    ...{ index: 0, delta: { type: 'text_delta', text: 'Some words. ' } },
  })),
  { type: 'content_block_stop', ...{ index: 0 } },
  { type: 'message_delta', ...{ delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 60 } } },
  { type: 'message_stop' },
];
const answer = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');
const upstream = createServer((incoming, response) => {
  incoming.resume();
  incoming.once('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(answer);
  });
});
upstream.listen(0, '127.0.0.1');
await once(upstream, 'listening');
const upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;

const withProvider = (config: ConfigInput): ConfigInput => ({
  ...config,
  providers: [
    {
      ...{ id: 'p', type: 'anthropic-compatible', baseUrl: upstreamUrl },
      models: [{ id: 'm', price: { input: 3, output: 15 } }],
    },
  ],
});

/** @param bytes about so long. */
const bodyOf = (bytes: number): string =>
  JSON.stringify({
    model: 'p/m',
    max_tokens: 1024,
    stream: true,
    metadata: { user_id: 'u' },
    messages: [{ role: 'user', content: 'All of the words. '.repeat(Math.ceil(bytes / 18)) }],
  });

const agent = new Agent({ keepAlive: true });

/** @throws Error where it is not answered to its end. */
function ask(engine: EngineProcess, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...{ 'content-type': 'application/json', 'x-api-key': engine.token, 'anthropic-version': '2023-06-01' },
      'x-claude-code-session-id': 'b1946ac9-2492-4d23-87e2-6f6c6e9d2e11',
    };
    const asked = request(`${engine.url}/v1/messages`, { method: 'POST', agent, headers }, (answer) => {
      answer.resume();
      answer.once('end', () => (answer.statusCode === 200 ? resolve() : reject(new Error(`${answer.statusCode}`))));
      answer.once('error', reject);
    });
    asked.once('error', reject);
    asked.end(body);
  });
}

async function askMany(engine: EngineProcess, body: string, count: number): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await ask(engine, body);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  await engine.rows();
}

/** ms of processor time a request. */
async function cpuOf(engine: EngineProcess, body: string): Promise<number> {
  const before = await engine.resources();
  await askMany(engine, body, requests);
  return ((await engine.resources()).cpuMs - before.cpuMs) / requests;
}

async function compare(bytes: number): Promise<{ on: number; off: number; ratio: number }> {
  await using on = await startEngineProcess(withProvider(ON));
  await using off = await startEngineProcess(withProvider(OFF));
  const body = bodyOf(bytes);
  for (const engine of [on, off]) await askMany(engine, body, requests);
  const [ons, offs]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    // Whoever is first in a round has no advantage in the next.
    for (const [engine, found] of round % 2 === 0
      ? ([
          [on, ons],
          [off, offs],
        ] as const)
      : ([
          [off, offs],
          [on, ons],
        ] as const))
      found.push(await cpuOf(engine, body));
  }
  return {
    on: median(ons),
    off: median(offs),
    ratio: median(ons.map((value, index) => value / (offs[index] ?? Number.NaN))),
  };
}

/** Memory before and after a thousand requests of 400 kB, in bytes. */
async function growth(config: ConfigInput): Promise<{ before: number; after: number }> {
  await using engine = await startEngineProcess(withProvider(config));
  await askMany(engine, bodyOf(2_000), 300);
  const before = await settledMemory(engine);
  await askMany(engine, bodyOf(400_000), 1_000);
  return { before, after: await settledMemory(engine) };
}

/** What V8 gives back to the system, it gives back a while after a collection. */
async function settledMemory(engine: EngineProcess): Promise<number> {
  await engine.resources();
  await wait(2_000);
  return (await engine.resources()).memoryBytes;
}

const cpu = [];
for (const bytes of [2_000, 100_000]) cpu.push({ bytes, ...(await compare(bytes)) });
process.stdout.write(
  `${table(
    ['processor time of a request, ms', onName, offName, 'ratio'],
    cpu.map(({ bytes, on, off, ratio }) => [`${bytes / 1000} kB`, figure(on), figure(off), ratio.toFixed(2)]),
  )}\n`,
);
const memory = [];
for (const [name, config] of [
  [onName, ON],
  [offName, OFF],
] as const) {
  const runs = [await growth(config), await growth(config), await growth(config)];
  const byGrowth = runs.toSorted((one, other) => one.after - one.before - (other.after - other.before));
  const [, middle = { before: Number.NaN, after: Number.NaN }] = byGrowth;
  memory.push({ name, ...middle });
}
process.stdout.write(
  `${table(
    ['1,000 requests of 400 kB, MB, median of 3', 'before', 'after', 'growth'],
    memory.map(({ name, before, after }) => [name, megabytes(before), megabytes(after), megabytes(after - before)]),
  )}\n`,
);
agent.destroy();
for (const server of [upstream, collector]) {
  server.close();
  server.closeAllConnections();
}
const grown = memory.map(({ before, after }) => after - before)[0] ?? Number.NaN;
if (cpu.some(({ ratio }) => ratio > GOAL_RATIO) || grown > GOAL_GROWTH_BYTES) process.exitCode = 1;
