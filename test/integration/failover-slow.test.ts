import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { contentOf, readEvents } from '../helpers/answers.ts';
import { type FailoverLab, failoverLab } from '../helpers/failover-lab.ts';
import { question } from '../helpers/running-engine.ts';
import { answer, fail, say } from '../helpers/scriptable-upstream.ts';

/** Less than 100 tokens a second, which are 60 of them in the time that is held, is slow. */
const slowStreams = { tokensPerSecond: 100, holdMs: 600 };
const timeouts = { silenceMs: 5_000, idleMs: 5_000 };
/** A token in 150 ms. */
const slow = { fragment: 4, delayMs: 150 };
const text = 'one two three four five six seven eight nine ten eleven twelve';

let lab: FailoverLab;

beforeAll(async () => {
  lab = await failoverLab({ routing: { slowStreams } }, { timeouts });
});
beforeEach(() => {
  lab.first.reset();
  lab.second.reset();
});
afterAll(() => lab[Symbol.asyncDispose]());

const ask = (model: string, stream = true) => lab.ask(question('x', { model, stream }));
const said = async (response: Response) => contentOf((await readEvents(response)).text);

describe('a stream that begins slowly, where its beginning is held', () => {
  it.each([
    ['what is said', say(text, slow)],
    [
      'what is thought',
      answer(
        [
          { type: 'thinking', text },
          { type: 'text', text: 'ja' },
        ],
        { wire: slow },
      ),
    ],
  ])('is left for another target: %s', async (_what, step) => {
    lab.first.queue(step);
    lab.second.queue(say('from the second'));
    expect(await said(await ask('both'))).toEqual([{ type: 'text', text: 'from the second' }]);
    const [attempt] = lab.rows.at(-1)?.attempts ?? [];
    expect(attempt?.error?.code).toBe('provider_slow');
    expect(attempt?.error?.message).toMatch(/^Provider 'a' answers slowly: \d\.\d tokens\/s in its first 0\.6 s/);
    expect((attempt?.endedMs ?? 0) - (attempt?.firstContentMs ?? 0)).toBeLessThan(900);
    expect(lab.first.asked[0]?.aborted).toBe(true);
  });

  it('is the answer where no other target is left', async () => {
    lab.first.queue(fail(500));
    lab.second.queue(say(text, slow));
    expect(await said(await ask('both'))).toEqual([{ type: 'text', text }]);
    lab.first.queue(say(text, slow));
    expect(await said(await ask('a/m'))).toEqual([{ type: 'text', text }]);
  });

  it('is not held up when it is fast, and shows its first content when that came', async () => {
    await using patient = await failoverLab(
      { routing: { slowStreams: { tokensPerSecond: 100, holdMs: 30_000 } } },
      { timeouts },
    );
    patient.first.queue(say('x'.repeat(400)));
    const started = performance.now();
    const answered = await patient.ask(question('x', { model: 'both', stream: true }));
    expect(await said(answered)).toEqual([{ type: 'text', text: 'x'.repeat(400) }]);
    expect(performance.now() - started).toBeLessThan(15_000);
    expect(patient.attempts()).toEqual(['a answered']);
  });

  it('is not slow when it is only short', async () => {
    lab.first.queue(say('ja'));
    expect(await said(await ask('both'))).toEqual([{ type: 'text', text: 'ja' }]);
    expect(lab.attempts()).toEqual(['a answered']);
  });

  it('is not judged while it shows nothing of what it thinks', async () => {
    // Two events of its beginning, then nothing for longer than the hold; its pings show that it lives.
    lab.first.queue(
      answer(
        [
          { type: 'thinking', text: '', signature: 'c2ln' },
          { type: 'text', text: 'thought it over' },
        ],
        { wire: { delayMs: 150 } },
      ),
    );
    expect(await said(await ask('both'))).toContainEqual({ type: 'text', text: 'thought it over' });
    expect(lab.attempts()).toEqual(['a answered']);
  });

  it('does not matter to an answer that is not streamed', async () => {
    lab.first.queue(say('whole', { headerDelayMs: 700 }));
    const response = await ask('both', false);
    expect(await response.json()).toMatchObject({ content: [{ text: 'whole' }] });
  });
});

it('streams are not held where the configuration does not say so, and slow ones are told', async () => {
  await using plain = await failoverLab({ routing: { slowStreams: { tokensPerSecond: 100 } } }, { timeouts });
  plain.first.queue(answer([{ type: 'text', text }], { usage: { input: 9, output: 21 }, wire: slow }));
  const response = await plain.ask(question('x', { model: 'both', stream: true }));
  expect(contentOf((await readEvents(response)).text)).toEqual([{ type: 'text', text }]);
  expect(plain.attempts()).toEqual(['a answered']);
  const [provider] = plain.engine.engine.status().providers;
  expect(provider?.health).toMatchObject({
    state: 'degraded',
    reason: expect.stringMatching(/^It answers slowly: \d+\.\d tokens\/s\.$/) as unknown,
  });
});
