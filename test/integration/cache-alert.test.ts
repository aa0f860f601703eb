import { createRouterClient } from '@orpc/server';
import { expect, test } from 'vitest';
import { silentLogger } from '../../src-main/observability/logger.ts';
import { runEngine } from '../helpers/running-engine.ts';
import { answer, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const price = { input: 3, output: 15, cacheRead: 0.3 };

test('a session whose cache hits drop is told of, in the log and over the control API; its sums have every token', async () => {
  await using upstream = await startUpstream();
  const warnings: string[] = [];
  await using running = await runEngine(
    {
      providers: [
        { id: 'p', type: 'anthropic-compatible', baseUrl: upstream.url, models: [{ id: 'm', price }, 'other'] },
      ],
    },
    { log: { ...silentLogger, warn: (text) => warnings.push(text) } },
  );
  const control = createRouterClient(await running.engine.controlRouter());
  const ask = async (model: string, cacheRead: number): Promise<void> => {
    const usage = { input: 10_000 - cacheRead, cacheRead, output: 10 };
    upstream.queue(answer([{ type: 'text', text: 'hi' }], { usage }));
    const body = { model, max_tokens: 64, stream: true, messages: [{ role: 'user', content: 'hello' }] };
    const reply = await running.ask(body, { headers: { 'x-claude-code-session-id': 'the-session' } });
    expect(await reply.text()).toContain('message_stop');
  };
  for (let turn = 0; turn < 3; turn += 1) await ask('p/m', 9_000);
  await ask('p/other', 0);
  expect(await control.usage.alerts()).toEqual([]);
  await ask('p/other', 0);

  const [alert] = await waitUntil('the alert', async () => {
    const alerts = await control.usage.alerts();
    return alerts.length > 0 ? alerts : undefined;
  });
  expect(alert).toMatchObject({
    ...{ session: 'the-session', provider: 'p', model: 'other', reason: 'model' },
    ...{ before: expect.closeTo(0.9), after: 0, uncached: 20_000 },
  });
  expect(warnings.filter((text) => text.includes('the-session'))).toEqual([
    expect.stringContaining('0 % of its input come from the cache, and 90 % did. It went to other and no longer to m'),
  ]);

  const sums = await waitUntil('all five requests in the sums', async () => {
    const view = await control.usage.sums({ by: ['session'] });
    return view.total.requests === 5 ? view : undefined;
  });
  const total = { requests: 5, attempts: 5, failed: 0, input: 23_000, cacheRead: 27_000, output: 50, costUnknown: 2 };
  expect(sums).toMatchObject({ source: 'disk', rows: [{ parts: ['the-session'], ...total }], total });
  expect(sums.total.usd).toBeCloseTo((3_000 * 3 + 27_000 * 0.3 + 30 * 15) / 1e6, 10);
});
