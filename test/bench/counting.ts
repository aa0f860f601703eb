import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { TokenCounter } from '../../src-main/counting/token-counter.ts';
import { type KindAccuracy, measureAccuracy } from '../helpers/counting-accuracy.ts';
import { llama, unknownModel } from '../helpers/stand-in-models.ts';
import { median, percentile } from './statistics.ts';
import { figure, table } from './table.ts';

/** What counting costs whoever asks, what it costs the main thread meanwhile, and how well other tokenizers are met. */

/** The most that a fresh prompt of 150 kB may take in the warm thread, in ms. */
const limitMs = 25;
const rounds = 15;

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

const root = path.join(import.meta.dirname, '../..');
const source = globSync(['src-main/**/*.ts', 'test/**/*.ts', 'docs/*.md'], { cwd: root })
  .sort()
  .map((file) => readFileSync(path.join(root, file), 'utf8'))
  .join('\n');

/** A conversation of so many bytes in messages of 5 kB, of text that no other one has. */
function conversation(bytes: number, number: number): { messages: unknown[]; raw: Buffer } {
  const messages: unknown[] = [];
  const start = (number * 149_999) % (source.length - bytes);
  for (let offset = 0; offset < bytes; offset += 5000) {
    const role = messages.length % 2 === 0 ? 'user' : 'assistant';
    messages.push({
      role,
      content: `${number} ${source.slice(start + offset, start + Math.min(bytes, offset + 5000))}`,
    });
  }
  return { messages, raw: body(messages) };
}

const body = (messages: unknown[]): Buffer => Buffer.from(JSON.stringify({ model: 'm', max_tokens: 100, messages }));

const createCounter = (): TokenCounter =>
  new TokenCounter({
    corrections: { load: () => Promise.resolve([]), save: () => undefined },
    onWarning: (warning) => say(warning),
    // A busy machine is no reason to leave a count out of the figures.
    timeoutMs: 60_000,
  });

/** How long asking kept the caller's thread, per count. */
const ownMs: number[] = [];

/** @throws Error where it was not counted. */
async function timed(counter: TokenCounter, raw: Buffer): Promise<number> {
  const started = performance.now();
  const target = { provider: 'bench', model: 'gpt-5.6-sol' };
  const counting = counter.count({ protocol: 'anthropic', raw, target });
  ownMs.push(performance.now() - started);
  const { method } = await counting;
  if (method === 'estimate') throw new Error('the thread did not count');
  return performance.now() - started;
}

async function series<Item>(items: readonly Item[], one: (item: Item) => Promise<number>): Promise<number[]> {
  const all: number[] = [];
  for (const item of items) all.push(await one(item));
  return all;
}

async function measureTimes(): Promise<boolean> {
  const cold = await series([0, 1, 2, 3, 4], async (round) => {
    const counter = createCounter();
    const ms = await timed(counter, conversation(150_000, round).raw);
    await counter.close();
    return ms;
  });
  const prepare = <Prepared>(times: number, one: (round: number) => Prepared): Prepared[] =>
    Array.from({ length: times }, (_, round) => one(round));
  const first = prepare(10, (round) => conversation(150_000, 100 + round).raw);
  const fresh = prepare(rounds, (round) => conversation(150_000, round).raw);
  const large = prepare(5, (round) => conversation(1_000_000, 200 + round).raw);
  const growing = prepare(rounds, (round) => {
    const { messages, raw } = conversation(1_000_000, 300 + round);
    return { raw, longer: body([...messages, { role: 'user', content: `And now? ${round}` }]) };
  });
  const counter = createCounter();
  const memoryBefore = process.memoryUsage.rss();
  // V8 compiles in the first ones.
  for (const raw of first) await timed(counter, raw);
  const memory = process.memoryUsage.rss() - memoryBefore;
  ownMs.length = 0;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const warmMs = await series(fresh, (raw) => timed(counter, raw));
  const largeMs = await series(large, (raw) => timed(counter, raw));
  const grownMs = await series(growing, async ({ raw, longer }) => {
    await timed(counter, raw);
    return timed(counter, longer);
  });
  delay.disable();
  await counter.close();
  const row = (name: string, all: readonly number[]): string[] => [
    name,
    figure(median(all)),
    figure(percentile(all, 0)),
    figure(percentile(all, 1)),
  ];
  say(
    table(
      ['as the caller sees it, ms', 'median', 'least', 'most'],
      [
        row('150 kB, thread not started', cold),
        row('150 kB, thread warm, all text new', warmMs),
        row('1 MB, thread warm, all text new', largeMs),
        row('1 MB and one message more', grownMs),
      ],
    ),
  );
  say(
    `\nThe main thread is kept for ${figure(median(ownMs))} ms (at most ${figure(percentile(ownMs, 1))} ms) to ask; its timers are late by ${figure(delay.percentile(50) / 1e6)} ms (p99 ${figure(delay.percentile(99) / 1e6)} ms) meanwhile.`,
  );
  say(`Memory of the warm thread: ${figure(memory / 1e6)} MB.`);
  return median(warmMs) <= limitMs;
}

const percent = (part: number): string => `${part > 0 ? '+' : ''}${(part * 100).toFixed(1)} %`;

const accuracyRows = (name: string, results: readonly KindAccuracy[]): string[][] =>
  results.map(({ kind, before, afterThree, after }) => [
    `${name}: ${kind}`,
    percent(before),
    percent(afterThree),
    percent(after),
  ]);

const reached = await measureTimes();
say("\nErrors against what stand-in servers report, which count with the models' own tokenizers:\n");
say(
  table(
    ['model: prompts mostly of', 'before', 'after 3 answers', 'after 24'],
    [
      ...accuracyRows('unknown (Claude 2)', measureAccuracy(unknownModel())),
      ...accuracyRows('Llama 3', measureAccuracy(llama())),
    ],
  ),
);
say(`\n150 kB within ${limitMs} ms: ${reached ? 'reached' : 'NOT reached'}.`);
