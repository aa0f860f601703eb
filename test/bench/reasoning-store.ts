// `npm run bench:store [-- --conversations N]`: what remembering conversations costs, and how much of them fits on disk.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { RememberedTurn } from '../../src-main/protocols/remembered-turn.ts';
import { ReasoningStore } from '../../src-main/storage/reasoning-store.ts';
import { proseOf } from '../helpers/prose.ts';
import { percentile } from './statistics.ts';
import { figure, table } from './table.ts';

const MB = 1024 * 1024;
const MOST_BYTES = 64 * MB;
const KNOWN_SIGNATURES = 200_000;
const SAMPLES = 50_000;

const { values } = parseArgs({ options: { conversations: { type: 'string', default: '100000' } } });
const conversations = Number(values.conversations);
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

const random = (bytes: number): string => randomBytes(bytes).toString('base64url');
/** As it is in agents' conversations: 200 characters, of which a part is a signature that nothing shortens. */
const smallTurn = (seed: number): RememberedTurn => ({
  provider: 'anthropic',
  model: 'claude-sonnet-4-5',
  reasoning: { '': [{ type: 'thinking', thinking: proseOf(136, seed), signature: random(48) }] },
});
/** Of the size that thinking models give between calls. */
const usualTurn = (seed: number): RememberedTurn => ({
  provider: 'anthropic',
  model: 'claude-sonnet-4-5',
  reasoning: { '': [{ type: 'thinking', thinking: proseOf(1_200, seed), signature: random(600) }] },
});

interface Row {
  what: string;
  median: number;
  p99: number;
  unit: string;
  goal: string;
}

/** Each sample by itself, in µs, after as many unmeasured ones. */
function timed(what: string, act: (index: number) => unknown, goal = ''): Row {
  for (let index = 0; index < SAMPLES; index++) act(index);
  const samples = new Array<number>(SAMPLES);
  for (let index = 0; index < SAMPLES; index++) {
    const before = performance.now();
    act(SAMPLES + index);
    samples[index] = (performance.now() - before) * 1_000;
  }
  return { what, median: percentile(samples, 0.5), p99: percentile(samples, 0.99), unit: 'µs', goal };
}

const once = (what: string, value: number, unit: string, goal = ''): Row => ({
  what,
  median: value,
  p99: Number.NaN,
  unit,
  goal,
});
const bytesIn = (folder: string): number =>
  readdirSync(folder).reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
const megabytes = (bytes: number): number => bytes / MB;

function measureMemory(): Row[] {
  const store = ReasoningStore.open({ folder: null, maxBytes: MOST_BYTES, keepDays: 30, onWarning: say });
  const turns = Array.from({ length: 200 }, (_, index) => usualTurn(index));
  const keys = turns.map(() => random(16).slice(0, 22));
  const names = Array.from({ length: 10 }, () => random(32));
  for (const name of names) for (const [index, turn] of turns.entries()) store.remember(name, keys[index] ?? '', turn);
  const signatures = Array.from({ length: 1_000 }, () => random(1_500));
  for (const signature of signatures) store.signatures.note(signature, 'anthropic');
  for (let index = signatures.length; index < KNOWN_SIGNATURES; index++)
    store.signatures.note(random(24), 'openrouter');
  return [
    timed(
      'recall of a conversation in memory and of one turn',
      (index) => {
        const recall = store.recall(names[index % names.length] ?? '');
        return recall instanceof Promise || recall(keys[index % keys.length] ?? '');
      },
      '≤ 20',
    ),
    timed(
      `isForeign of a 2,000-character signature, ${KNOWN_SIGNATURES} known`,
      (index) => store.signatures.isForeign(signatures[index % signatures.length] ?? '', 'openrouter'),
      '≤ 2',
    ),
    timed('knowsOthers', () => store.signatures.knowsOthers('anthropic')),
  ];
}

async function measureDisk(folder: string): Promise<Row[]> {
  const onWarning = (text: string): boolean => say(`WARNING: ${text}`);
  const open = (): ReasoningStore =>
    ReasoningStore.open({ folder, maxBytes: MOST_BYTES, keepDays: 30, waitMs: 10_000, onWarning });
  const idle = process.memoryUsage.rss();
  const store = open();
  const names = Array.from({ length: conversations }, () => random(32));
  const remembered: number[] = [];
  const begun = performance.now();
  let most = 0;
  for (let turn = 0; turn < 2; turn++)
    for (let index = 0; index < conversations; index++) {
      const key = random(16).slice(0, 22);
      const content = smallTurn(turn * conversations + index);
      const before = performance.now();
      store.remember(names[index] ?? '', key, content);
      remembered.push((performance.now() - before) * 1_000);
      if (index % 500 === 499) {
        // As fast as the disk takes it, so that nothing of it is dropped on the way.
        await store.stats();
        most = Math.max(most, bytesIn(folder));
      }
    }
  const { conversations: kept, turns, bytes } = await store.stats();
  const seconds = (performance.now() - begun) / 1_000;
  const full = process.memoryUsage.rss();
  await store.close();
  const closed = bytesIn(folder);

  const again = open();
  const before = performance.now();
  await again.recall(names.at(-1) ?? '');
  const first = performance.now() - before;
  const cold: number[] = [];
  for (let index = 0; index < 2_000; index++) {
    const name = names[Math.trunc((index * 7_919) % conversations)] ?? '';
    const start = performance.now();
    await again.recall(name);
    cold.push(performance.now() - start);
  }
  await again.close();
  return [
    {
      what: 'remember, what it takes of the request',
      median: percentile(remembered, 0.5),
      p99: percentile(remembered, 0.99),
      unit: 'µs',
      goal: '',
    },
    once(`${conversations} conversations of 2 turns: kept`, kept, '', String(conversations)),
    once('… turns kept', turns, '', String(2 * conversations)),
    once('… on disk, all files, at the end', megabytes(bytes), 'MB', '≤ 64'),
    once('… at most meanwhile', megabytes(most), 'MB', '≤ 64'),
    once('… after the end', megabytes(closed), 'MB', '≤ 64'),
    once('… time to write them', seconds, 's'),
    once('… memory of the process before', megabytes(idle), 'MB'),
    once('… memory of the process then', megabytes(full), 'MB'),
    once('first recall after a restart, with the start of the thread', first, 'ms'),
    {
      what: 'recall of a conversation that is on disk',
      median: percentile(cold, 0.5),
      p99: percentile(cold, 0.99),
      unit: 'ms',
      goal: '',
    },
  ];
}

const folder = mkdtempSync(path.join(tmpdir(), 'cproxy-bench-'));
try {
  // On disk first, while the process has nothing else in memory.
  const disk = await measureDisk(folder);
  const rows = [...measureMemory(), ...disk];
  say(`Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown processor'}\n`);
  say(
    table(
      ['what', 'median', 'p99', 'unit', 'goal'],
      rows.map(({ what, median, p99, unit, goal }) => [what, figure(median), figure(p99), unit, goal]),
    ),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
