import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { CountingThread, type CountingThreadOptions } from '../../../src-main/counting/counting-thread.ts';
import {
  type SavedCorrection,
  TokenCounter,
  type TokenCounterOptions,
} from '../../../src-main/counting/token-counter.ts';
import type { CountedPrompt } from '../../../src-main/pipeline/local-counter.ts';
import { estimateTokensOfBody } from '../../../src-main/protocols/estimate-tokens.ts';
import type { ClientProtocol } from '../../../src-shared/requests.ts';
import { waitUntil } from '../../helpers/wait-until.ts';

const CANARY = 'canary-7f3a';
const target = { provider: 'local', model: 'gpt-oss:20b' };
const prompt = (content: string, changes: Partial<CountedPrompt> = {}): CountedPrompt => ({
  protocol: 'anthropic',
  raw: Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] })),
  target,
  ...changes,
});
const long = `${CANARY} some words that are counted. `.repeat(200);

const warnings: string[] = [];
const saved: SavedCorrection[] = [];
const open: { close(): Promise<void> }[] = [];
let folder: string | null = null;
let time = 1_000_000;

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  if (folder !== null) rmSync(folder, { recursive: true });
  folder = null;
  // Neither warnings nor what is kept says anything of what was counted.
  expect(JSON.stringify([warnings, saved])).not.toContain('canary');
  warnings.length = 0;
  saved.length = 0;
});

function createCounter(options: Partial<TokenCounterOptions> = {}): TokenCounter {
  const counter = new TokenCounter({
    corrections: { load: () => Promise.resolve([]), save: (correction) => void saved.push(correction) },
    onWarning: (warning) => void warnings.push(warning),
    // A busy machine takes its time to start a thread.
    timeoutMs: 60_000,
    now: () => time,
    ...options,
  });
  open.push(counter);
  return counter;
}

function createThread(options: Partial<CountingThreadOptions> = {}): CountingThread {
  const thread = new CountingThread({
    onWarning: (warning) => void warnings.push(warning),
    timeoutMs: 60_000,
    ...options,
  });
  open.push(thread);
  return thread;
}

/** A program for a thread that is no good. */
function program(source: string): URL {
  folder ??= mkdtempSync(path.join(tmpdir(), 'cproxy-counting-'));
  const file = path.join(folder, 'worker.mjs');
  writeFileSync(file, `import { parentPort } from 'node:worker_threads';\n${source}`);
  return pathToFileURL(file);
}

const ask = (thread: CountingThread, content = 'Hello'): ReturnType<CountingThread['count']> =>
  thread.count('anthropic', prompt(content).raw, 'm');

describe('counting', () => {
  it.each<[ClientProtocol, unknown]>([
    ['anthropic', { messages: [{ role: 'user', content: 'Hello world' }] }],
    ['openai-chat', { messages: [{ role: 'user', content: 'Hello world' }] }],
    ['openai-responses', { input: 'Hello world' }],
  ])('counts what clients of %s send', async (protocol, body) => {
    const raw = Buffer.from(JSON.stringify({ model: 'm', ...(body as object) }));
    // Two words, and what stands around a message and an answer.
    expect(await createCounter().count({ protocol, raw, target })).toEqual({
      tokens: 2 + 4 + 3,
      method: 'tokenizer',
      least: 1,
    });
  });

  it('leaves the bytes of the client as they are', async () => {
    const one = prompt(long);
    const before = one.raw.toString();
    await createCounter().count(one);
    expect(one.raw.toString()).toBe(before);
  });

  it.each<[string, Buffer]>([
    ['no JSON', Buffer.from(`{"model": ${CANARY}`)],
    ['no request', Buffer.from(`{"model":"m","messages":"${CANARY}"}`)],
    ['nothing', Buffer.alloc(0)],
  ])('estimates %s', async (_, raw) => {
    const count = await createCounter().count(prompt('', { raw }));
    expect(count).toMatchObject({ tokens: estimateTokensOfBody(raw), method: 'estimate' });
  });

  it('estimates when too many wait, and counts the others', async () => {
    const counter = createCounter();
    const counts = await Promise.all(Array.from({ length: 40 }, () => counter.count(prompt('Hello'))));
    expect(counts.filter(({ method }) => method === 'tokenizer')).toHaveLength(32);
    expect(counts.filter(({ method }) => method === 'estimate')).toHaveLength(8);
  });

  it('estimates once it is closed', async () => {
    const counter = createCounter();
    const pending = counter.count(prompt(long));
    await counter.close();
    expect((await pending).method).toBe('estimate');
    expect((await counter.count(prompt(long))).method).toBe('estimate');
    expect(warnings).toEqual([]);
  });
});

describe('learning', () => {
  /** A sample, and the time that passes before the next one is taken. */
  async function teach(counter: TokenCounter, content: string, tokens: number): Promise<void> {
    const before = saved.length;
    counter.learn(prompt(content), tokens);
    await waitUntil('a saved correction', () => saved.length > before);
    time += 10 * 60_000;
  }

  it('takes what the model itself has counted', async () => {
    const counter = createCounter();
    const { tokens } = await counter.count(prompt(long));
    await teach(counter, long, tokens * 1.4);
    const learned = await counter.count(prompt(long));
    expect(learned.method).toBe('learned');
    expect(Math.abs(learned.tokens / (tokens * 1.4) - 1)).toBeLessThan(0.03);
    const other = { ...target, model: 'another' };
    expect((await counter.count(prompt(long, { target: other }))).method).toBe('tokenizer');
  });

  it('keeps it, and goes on from there', async () => {
    const counter = createCounter();
    const { tokens } = await counter.count(prompt(long));
    await teach(counter, long, tokens * 1.4);
    const learned = await counter.count(prompt(long));
    expect(saved).toMatchObject([{ provider: 'local', model: 'gpt-oss:20b' }]);
    const later = createCounter({ corrections: { load: () => Promise.resolve([...saved]), save: () => undefined } });
    expect(await later.count(prompt(long))).toEqual(learned);
  });

  it('counts nothing where nobody has asked for counts, or not lately, or just now', async () => {
    const counter = createCounter();
    counter.learn(prompt(long), 5000);
    const { tokens } = await counter.count(prompt(long));
    time += 31 * 60_000;
    counter.learn(prompt(long), tokens * 1.4);
    expect((await counter.count(prompt(long))).method).toBe('tokenizer');
    await teach(counter, long, tokens * 1.4);
    const learned = await counter.count(prompt(long));
    counter.learn(prompt(long), tokens * 1.4);
    // The next one came too soon.
    counter.learn(prompt(long), tokens * 2);
    await counter.count(prompt('x'));
    const again = await counter.count(prompt(long));
    expect(Math.abs(again.tokens / learned.tokens - 1)).toBeLessThan(0.02);
  });

  it('never throws, whatever it is told, and whatever becomes of what it keeps', async () => {
    const counter = createCounter({
      corrections: {
        load: () => Promise.reject(new Error('no disk')),
        save: () => {
          throw new Error('disk full');
        },
      },
    });
    const { tokens, method } = await counter.count(prompt(long));
    expect(method).toBe('tokenizer');
    for (const strange of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) counter.learn(prompt(long), strange);
    time += 60_000;
    counter.learn(prompt(long), tokens * 1.3);
    await waitUntil('the second warning', () => warnings.length === 2);
    expect(warnings[0]).toContain('no disk');
    expect(warnings[1]).toContain('disk full');
    expect((await counter.count(prompt(long))).method).toBe('learned');
  });
});

describe('the thread', () => {
  it('is started by the first count and ended when none come', async () => {
    const thread = createThread({ idleMs: 1 });
    expect(thread.running).toBe(false);
    expect(await ask(thread)).not.toBeNull();
    await waitUntil('the end of the thread', () => !thread.running);
    expect(await ask(thread)).not.toBeNull();
    expect(warnings).toEqual([]);
  });

  it('stays while counts come', async () => {
    const thread = createThread({ idleMs: 60_000 });
    await ask(thread);
    await ask(thread);
    expect(thread.running).toBe(true);
  });

  it('is started again when it has died', async () => {
    const source = `parentPort.on('message', ({ id, raw }) => {
      if (Buffer.from(raw).includes('die')) throw new Error('${CANARY}');
      parentPort.postMessage({ id, features: {} });
    });`;
    const thread = createThread({ worker: program(source) });
    // Asked for alone: what a thread has said just before it dies may be lost with it.
    expect(await ask(thread)).toEqual({});
    const [bad, behind] = await Promise.all([ask(thread, 'die'), ask(thread)]);
    expect([bad, behind]).toEqual([null, null]);
    expect(warnings).toHaveLength(1);
    expect(await ask(thread)).toEqual({});
  });

  it('rests where it dies again and again, and says so once', async () => {
    const thread = createThread({ worker: program(`throw new Error('${CANARY}');`) });
    for (let count = 0; count < 5; count += 1) {
      expect(await ask(thread)).toBeNull();
      await waitUntil('the end of the thread', () => !thread.running);
    }
    expect(warnings).toHaveLength(1);
  });

  it('is an estimate away where its program is missing', async () => {
    const thread = createThread({ worker: pathToFileURL(path.join(tmpdir(), 'no-such-worker.mjs')) });
    expect(await ask(thread)).toBeNull();
    expect(warnings).toHaveLength(1);
  });

  it('is given up when it hangs', async () => {
    const source = `parentPort.on('message', ({ id, raw }) => {
      while (Buffer.from(raw).includes('hang'));
      parentPort.postMessage({ id, features: {} });
    });`;
    const thread = createThread({ worker: program(source), timeoutMs: 500 });
    // However long it takes to start.
    while ((await ask(thread)) === null);
    expect(await ask(thread, 'hang')).toBeNull();
    expect(thread.running).toBe(false);
    expect(warnings).toHaveLength(1);
    while ((await ask(thread)) === null);
  });
});
