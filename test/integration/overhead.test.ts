import { createRouterClient } from '@orpc/server';
import { expect, test } from 'vitest';
import { question, runEngine } from '../helpers/running-engine.ts';
import { answer, fail, startUpstream } from '../helpers/scriptable-upstream.ts';

const slowly = answer([{ type: 'text', text: 'hi' }], { wire: { headerDelayMs: 150, firstDelayMs: 150 } });

test.each([true, false])('what providers take, retries included, is not our own time (stream: %s)', async (stream) => {
  await using upstream = await startUpstream();
  await using other = await startUpstream();
  const provider = (id: string, baseUrl: string) => ({
    id,
    type: 'openai-compatible' as const,
    baseUrl,
    models: ['m'],
  });
  await using running = await runEngine({
    providers: [provider('a', upstream.url), provider('b', other.url)],
    aliases: { both: ['a/m', 'b/m'] },
    routing: { retries: { rounds: 1, waitMs: 300, longestWaitMs: 400 } },
  });
  const control = createRouterClient(await running.engine.controlRouter());
  upstream.queue(fail(503), slowly);
  other.queue(fail(503), fail(503));
  const reply = await running.ask(question('hello', { model: 'both', stream }));
  await reply.text();
  expect(reply.status).toBe(200);
  const told = Number(reply.headers.get('x-cproxy-overhead-ms'));
  const row = await control.requests.find({ id: reply.headers.get('x-cproxy-request-id') ?? '' });
  expect(row?.overheadMs).toBe(told);
  const last = row?.attempts.at(-1);
  // The slow answer is in the whole, and not in what is ours; nor is the pause before it was asked for again.
  expect(row?.firstContentMs).toBeGreaterThan(stream ? 290 : 140);
  expect(told).toBeGreaterThan(0);
  // However slow this machine is: it is at most what they and the pause leave of the whole.
  const pauseMs = (last?.startedMs ?? 0) - (row?.attempts.at(-2)?.endedMs ?? 0);
  expect(told).toBeLessThanOrEqual((row?.firstContentMs ?? 0) - pauseMs - (stream ? 290 : 140) + 1);
  expect(last?.firstByteMs).toBeGreaterThan((last?.startedMs ?? 0) + 140);
  expect(last?.firstContentMs).toBeGreaterThanOrEqual(last?.firstByteMs ?? Number.NaN);
});
