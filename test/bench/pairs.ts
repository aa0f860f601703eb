import { parseArgs } from 'node:util';
import type { ClientProtocol, ProviderProtocol } from '../../src-shared/requests.ts';
import { withSubject } from './case.ts';
import { dialectRequest, doors, streamEnds, throughDoor } from './dialect-requests.ts';
import { startGenerator } from './generator.ts';
import { type Bench, measureWindow, type Window } from './measure.ts';
import { startUpstream } from './mock.ts';
import { median } from './statistics.ts';
import { builtCli, createCproxy, pairModels } from './subjects/cproxy.ts';
import { floor } from './subjects/floor.ts';
import { httpRequest, type RunningSubject, type Subject } from './subjects/subject.ts';
import { figure, ratio, table } from './table.ts';
import { measureTranslation } from './translation.ts';
import { streamChunks } from './workload.ts';

/**
 * The streams of every pair of dialects, each beside the floor that passes the same provider's stream on; then what a 1 MB
 * conversation costs to plan and translate.
 */

const clients: readonly ClientProtocol[] = ['anthropic', 'openai-chat', 'openai-responses'];
const providers: readonly ProviderProtocol[] = ['anthropic', 'openai-chat', 'openai-responses', 'ollama'];
/** What the floor is asked: it passes the path on. */
const upstreamPaths: Record<ProviderProtocol, string> = { ...doors, ollama: '/api/chat' };

/** The most that a translated stream may cost, in floors, and what a 1 MB conversation may, in ms. */
const streamLimit = 2.5;
const translationLimitMs = 25;

const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const progress = (line: string): boolean => process.stderr.write(`${line}\n`);

/** @throws Error where the answer is not what it must be. */
async function checkStream(running: RunningSubject, client: ClientProtocol, model: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${running.port}${doors[client]}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', ...running.request.headers },
    body: dialectRequest(client, model, true, 'burst'),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  const words = new Set(text.match(/word-\d+ /g));
  if (response.status !== 200 || words.size !== streamChunks || !text.includes(streamEnds[client]))
    throw new Error(`its stream is wrong (HTTP ${response.status}, ${words.size} chunks): ${text.slice(0, 600)}`);
}

/** One stream load of a subject in a fresh process. */
function measurePair(
  bench: Bench,
  subject: Subject,
  client: ClientProtocol,
  model: string,
  path: string | null,
): Promise<Window> {
  return withSubject(subject, 'translated', bench.upstream.origin, async (running) => {
    if (path === null) await checkStream(running, client, model);
    const request = throughDoor(running.request, client, model);
    const bytes = httpRequest(
      path === null ? request : { ...request, path },
      dialectRequest(client, model, true, 'burst'),
    );
    return measureWindow(bench, running, [bytes], { connections: 16 });
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      cli: { type: 'string', default: builtCli },
      'only-translation': { type: 'boolean', default: false },
    },
  });
  if (!values['only-translation']) await streams(Number(values.rounds), values.cli);
  const rows = await measureTranslation();
  say(`## A 1 MB conversation, planned and translated\n`);
  say(
    table(
      ['client', 'provider', 'CPU ms, first', 'median of the next', `at most ${translationLimitMs}`],
      rows.map(({ client, provider, firstMs, medianMs }) => [
        client,
        provider,
        figure(firstMs),
        figure(medianMs),
        Math.max(firstMs, medianMs) <= translationLimitMs ? 'reached' : 'not reached',
      ]),
    ),
  );
}

async function streams(rounds: number, cli: string): Promise<void> {
  const cproxy = createCproxy(cli);
  await cproxy.prepare();
  const bench: Bench = {
    load: await startGenerator(),
    upstream: await startUpstream(),
    durations: { idle: 0, warmUp: 3_000, window: 2_000, sequential: 0 },
  };
  const costs = new Map<string, number[]>();
  const add = (key: string, window: Window): void => {
    if (window.failure !== null) progress(`${key}: ${window.failed} failed, the first: ${window.failure}`);
    costs.set(key, [...(costs.get(key) ?? []), window.cpuMs]);
    progress(`${key}: ${window.cpuMs.toFixed(2)} ms CPU`);
  };
  try {
    for (let round = 1; round <= rounds; round += 1) {
      for (const provider of providers) {
        add(`floor ${provider}`, await measurePair(bench, floor, 'anthropic', 'bench-model', upstreamPaths[provider]));
        for (const client of clients)
          add(`${client} ${provider}`, await measurePair(bench, cproxy, client, pairModels[provider], null));
      }
    }
  } finally {
    await bench.load.end();
    await bench.upstream.stop();
  }
  const cost = (key: string): number => median(costs.get(key) ?? []);
  say(`## CPU of a 200-chunk stream, ms (medians of ${rounds} rounds)\n`);
  say(
    table(
      ['client', 'provider', 'floor', 'CProxy', '× floor', `at most ${streamLimit}`],
      providers.flatMap((provider) =>
        clients.map((client) => {
          const [base, ours] = [cost(`floor ${provider}`), cost(`${client} ${provider}`)];
          const verdict = ours / base <= streamLimit ? 'reached' : 'not reached';
          const way = client === provider ? `${provider} (passed through)` : provider;
          return [client, way, figure(base), figure(ours), ratio(ours, base), verdict];
        }),
      ),
    ),
  );
  say('');
}

await main();
