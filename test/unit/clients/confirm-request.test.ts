import { describe, expect, it } from 'vitest';
import { confirmation } from '../../../src-main/cli/confirm-client.ts';
import { waitForRequest } from '../../../src-main/clients/confirm-request.ts';
import type { RequestRow } from '../../../src-shared/requests.ts';
import { makeAttempt, makeRow } from '../../helpers/rows.ts';

const attempt = makeAttempt({ mode: 'translated' });
const row = (changes: Partial<RequestRow> = {}): RequestRow =>
  makeRow({
    ...{ id: 'req_1', startedAt: 1000, userAgent: 'claude-cli/2', askedModel: 'claude-opus-5-5' },
    attempts: [attempt],
    ...changes,
  });

/** Each look at the log sees the next of what is given; time passes only in the pauses. */
const waitFor = async (looks: readonly RequestRow[][], options: { timeoutMs?: number; abortAt?: number } = {}) => {
  let now = 1000;
  let look = 0;
  const ending = new AbortController();
  const found = await waitForRequest({
    rows: () => Promise.resolve(looks[Math.min(look++, looks.length - 1)] ?? []),
    isFrom: (userAgent) => userAgent?.startsWith('claude-cli') === true,
    since: 1000,
    timeoutMs: options.timeoutMs ?? 60_000,
    signal: ending.signal,
    now: () => now,
    pause: async (ms, signal) => {
      now += ms;
      if (look === options.abortAt) ending.abort();
      signal.throwIfAborted();
    },
  });
  return { found, looks: look, now };
};

describe('waiting for a request', () => {
  it('ends when it is known what became of it', async () => {
    const answered = row({ state: 'answered' });
    const { found, looks } = await waitFor([[], [row()], [answered]]);
    expect(found).toEqual(answered);
    expect(looks).toBe(3);
  });

  it('takes neither those of before nor those of others', async () => {
    const others = [row({ startedAt: 999, state: 'answered' }), row({ userAgent: 'curl/8', state: 'answered' })];
    const { found, now } = await waitFor([others], { timeoutMs: 2000 });
    expect(found).toBeNull();
    expect(now).toBe(3000);
  });

  it('has seen one that goes on for longer', async () => {
    expect((await waitFor([[row()]], { timeoutMs: 700 })).found).toEqual(row());
  });

  it('does not wait for the end of an answer that has begun', async () => {
    const begun = row({ firstContentMs: 20 });
    expect((await waitFor([[row()], [begun]])).found).toEqual(begun);
  });

  it('is ended by its user', async () => {
    const { found, looks } = await waitFor([[]], { abortAt: 2 });
    expect(found).toBeNull();
    expect(looks).toBe(2);
  });
});

describe('what is said of it', () => {
  it('is what was asked for and where it went', () => {
    expect(confirmation(row({ state: 'answered' }), 'Claude Code', false, 'cproxy')).toBe(
      'It works: Claude Code asked for claude-opus-5-5, and it went to local/qwen3.',
    );
  });

  it('is why it failed, or how to find out why none came', () => {
    const error = { code: 'provider_busy', status: 529, message: 'It is overloaded.' } as const;
    const failed = confirmation(row({ state: 'failed', error }), 'Claude Code', false, 'cproxy');
    expect(failed).toContain('Claude Code uses CProxy, but its request failed');
    expect(failed).toContain('It is overloaded. `cproxy explain req_1` says more.');
    expect(confirmation(null, 'Codex', false, 'cproxy')).toContain('`cproxy doctor`');
    expect(confirmation(null, 'Codex', true, 'cproxy')).toContain('`cproxy status`');
  });
});
