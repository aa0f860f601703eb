import { parseArgs } from 'node:util';
import { Agent } from 'undici';
import type { ConfigInput } from '../../src-shared/config.ts';
import type { AttemptRow, ClientProtocol, RequestRow } from '../../src-shared/requests.ts';
import { seededRandom } from '../helpers/seeded-random.ts';
import { type Answered, ask, type Question } from './chaos-clients.ts';
import { runOutage } from './chaos-outage.ts';
import { answerTo, type ChaosProvider, type FaultRates, startChaosProvider } from './chaos-provider.ts';
import { type EngineProcess, startEngineProcess } from './engine-process.ts';
import { median, percentile } from './statistics.ts';
import { figure, table } from './table.ts';

/**
 * Ten thousand requests over two providers that both fail now and then, and then an outage of one of them. What the client
 * sees must be exactly what a provider has said, each time.
 */

const rates: FaultRates = { immediate: 0.05, hang: 0.02, cut: 0.02, inStream: 0.01 };
const workers = 20;
/** How long a provider may be silent, in ms: the shipped minute would make the run last an hour. */
const silenceMs = 400;
const print = (line: string): boolean => process.stdout.write(`${line}\n`);

const protocols: readonly ClientProtocol[] = ['anthropic', 'openai-chat', 'openai-responses'];
type ProviderInput = NonNullable<ConfigInput['providers']>[number];
const types: Record<ClientProtocol, Pick<ProviderInput, 'type' | 'protocols'>> = {
  anthropic: { type: 'anthropic-compatible' },
  'openai-chat': { type: 'openai-compatible', protocols: ['openai-chat'] },
  'openai-responses': { type: 'openai-compatible', protocols: ['openai-responses'] },
};

/** Each of the two in each dialect; the aliases lead to both, now the one first, now the other, in one dialect or in two. */
function configOf(a: ChaosProvider, b: ChaosProvider): ConfigInput {
  const timeouts = { silenceMs, idleMs: 5 * silenceMs };
  const providers = [a, b].flatMap(({ name, url }) =>
    protocols.map((protocol) => ({
      id: `${name}-${protocol}`,
      baseUrl: url,
      models: ['m'],
      timeouts,
      ...types[protocol],
    })),
  );
  const aliases: Record<string, string[]> = {};
  for (const one of protocols)
    for (const other of protocols) {
      aliases[`a-${one}-b-${other}`] = [`${a.name}-${one}/m`, `${b.name}-${other}/m`];
      aliases[`b-${other}-a-${one}`] = [`${b.name}-${other}/m`, `${a.name}-${one}/m`];
    }
  return { providers, aliases, routing: { retries: { rounds: 2, waitMs: 500 } } };
}

function questionsOf(count: number, models: readonly string[], seed: number): Question[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => ({
    id: `q${index}`,
    protocol: protocols[index % protocols.length] ?? 'anthropic',
    model: models[Math.floor(random() * models.length)] ?? '',
    stream: random() < 0.7,
    padding: random() < 0.1 ? 60_000 : 600,
  }));
}

interface Failed extends Answered {
  question: Question;
}

const isTold = ({ attempts }: RequestRow): boolean => attempts.length > 0;
const nameOf = ({ provider, model }: AttemptRow): string => `${provider}/${model}`;

/** How often a request came back to a target that had failed it before. */
function roundsOf({ attempts }: RequestRow): number {
  const times = new Map<string, number>();
  for (const attempt of attempts) times.set(nameOf(attempt), (times.get(nameOf(attempt)) ?? 0) + 1);
  return Math.max(0, ...times.values()) - 1;
}

/** ms that went by before the attempt began that was answered. */
const lostMs = ({ attempts }: RequestRow): number =>
  (attempts.at(-1)?.startedMs ?? Number.NaN) - (attempts[0]?.startedMs ?? Number.NaN);

function printRun(providers: readonly ChaosProvider[], rows: readonly RequestRow[], failed: readonly Failed[]): void {
  const kinds = [...new Set(providers.flatMap(({ faults }) => [...faults.keys()]))].sort();
  print(
    table(
      ['faults', ...providers.map(({ name }) => name), 'together'],
      kinds.map((kind) => {
        const counts = providers.map(({ faults }) => faults.get(kind) ?? 0);
        return [kind, ...counts.map(String), String(counts.reduce((sum, count) => sum + count, 0))];
      }),
    ),
  );
  const asked = rows.filter(isTold);
  const attempts = asked.reduce((sum, row) => sum + row.attempts.length, 0);
  const failedOver = asked.filter((row) => row.attempts.length > 1);
  const silent = failedOver.filter((row) => row.attempts.some(({ error }) => error?.code === 'provider_silent'));
  const waited = failedOver.filter((row) => roundsOf(row) > 0);
  const immediate = failedOver.filter((row) => !silent.includes(row) && !waited.includes(row));
  const leftAlone = asked.filter((row) => row.trace.some(({ step }) => step === 'target left alone'));
  print(
    `\n${table(
      ['requests', ''],
      [
        ['asked', String(rows.length)],
        ['attempts', String(attempts)],
        ['failed over', String(failedOver.length)],
        [
          'that came back to a target (1 round; 2)',
          [1, 2].map((rounds) => asked.filter((row) => roundsOf(row) === rounds).length).join('; '),
        ],
        ['that found a circuit open', String(leftAlone.length)],
        ['failures seen by the client', String(failed.length)],
      ],
    )}`,
  );
  const ofAll = asked.flatMap(({ firstContentMs }) => firstContentMs ?? []);
  const line = (name: string, some: readonly RequestRow[]): string[] => {
    const lost = some.map(lostMs);
    return [name, String(some.length), figure(median(lost)), figure(percentile(lost, 0.99))];
  };
  print(
    `\n${table(
      ['ms before the attempt that was answered', 'requests', 'p50', 'p99'],
      [
        line('after immediate failures', immediate),
        line(`after silence of ${silenceMs} ms`, silent),
        line('after all had failed and a wait', waited),
        ['(all: to the first content)', String(ofAll.length), figure(median(ofAll)), figure(percentile(ofAll, 0.99))],
      ],
    )}`,
  );
}

function printFailed(failed: readonly Failed[], rows: readonly RequestRow[]): void {
  for (const { question, requestId, problem } of failed.slice(0, 20)) {
    print(
      `\nFAILED ${question.id} (${question.protocol}, ${question.model}, ${question.stream ? 'stream' : 'whole'}): ${problem}`,
    );
    const row = rows.find(({ id }) => id === requestId);
    for (const { step, detail } of row?.trace ?? []) print(`  ${step}: ${detail}`);
    for (const { provider, startedMs, endedMs, outcome, error } of row?.attempts ?? [])
      print(`  ${startedMs} to ${endedMs} ms: ${provider} ${outcome} ${error?.code ?? ''}`);
  }
}

/** @returns whether no client has seen a failure. */
async function runFaults(count: number, seed: number): Promise<boolean> {
  await using a = await startChaosProvider('a', rates, String(seed));
  await using b = await startChaosProvider('b', rates, String(seed));
  const config = configOf(a, b);
  await using engine: EngineProcess = await startEngineProcess(config);
  const questions = questionsOf(count, Object.keys(config.aliases ?? {}), seed);
  const dispatcher = new Agent({ connections: workers });
  const failed: Failed[] = [];
  const rows: RequestRow[] = [];
  const requestIds = new Map<string, string>();
  const started = performance.now();
  let next = 0;
  let asked = 0;
  const work = async (): Promise<void> => {
    for (let question = questions[next++]; question !== undefined; question = questions[next++]) {
      const right = [a, b].map(({ name }) => answerTo(question?.id ?? '', name));
      const answered = await ask(engine, question, right, dispatcher);
      if (answered.requestId !== null) requestIds.set(question.id, answered.requestId);
      if (answered.problem !== null) failed.push({ question, ...answered });
      asked += 1;
      if (asked % 1_000 !== 0) continue;
      process.stderr.write(`${asked} asked after ${figure((performance.now() - started) / 1000)} s\n`);
      rows.push(...(await engine.rows()));
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  rows.push(...(await engine.rows()));
  await dispatcher.close();
  const seconds = (performance.now() - started) / 1000;
  print(
    `${count} requests from ${workers} clients in ${figure(seconds)} s over two providers, each with ${rates.immediate * 100} % immediate errors, ${rates.hang * 100} % hangs and ${rates.cut * 100} % cuts before the first byte, and ${rates.inStream * 100} % errors inside streams; seed ${seed}:\n`,
  );
  printRun([a, b], rows, failed);
  printFailed(failed, rows);
  const isTwice = ({ id }: Question): boolean => (a.answered.get(id) ?? 0) + (b.answered.get(id) ?? 0) > 1;
  const twice = questions.filter(isTwice).map(({ id }) => rows.find((row) => row.id === requestIds.get(id)));
  // A provider that was given up as silent may have been about to answer: it cannot be told, and only costs.
  const unasked = twice.filter((row) => !row?.attempts.some(({ error }) => error?.code === 'provider_silent'));
  print(`\n${twice.length} were answered by one that had been given up as silent, and by another.`);
  print(`${failed.length === 0 ? 'pass' : 'FAIL'}  failures seen by the client: ${failed.length} of ${count}`);
  print(`${unasked.length === 0 ? 'pass' : 'FAIL'}  asked again after an answer: ${unasked.length}`);
  return failed.length === 0 && unasked.length === 0;
}

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
const wasWhole = values.only === 'outage' || (await runFaults(Number(values.requests), Number(values.seed)));
const cameBack = values.only === 'faults' || (await runOutage());
process.exitCode = wasWhole && cameBack ? 0 : 1;
