import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type FailoverLab, failoverLab } from '../helpers/failover-lab.ts';
import { question } from '../helpers/running-engine.ts';
import { closedPort, fail, raw, type Step, say } from '../helpers/scriptable-upstream.ts';

let lab: FailoverLab;

beforeAll(async () => {
  lab = await failoverLab(
    { aliases: { both: ['a/m', 'b/m'], alone: ['b/m'] } },
    { secondType: 'anthropic-compatible' },
  );
});
beforeEach(() => {
  lab.first.reset();
  lab.second.reset();
});
afterAll(() => lab[Symbol.asyncDispose]());

/** From the arrival of the newest request to its first content, in ms. */
async function firstContent(model: string): Promise<number> {
  const response = await lab.ask(question('x', { model, stream: true }));
  expect(await response.text()).toContain('message_stop');
  return lab.rows.at(-1)?.firstContentMs ?? Number.POSITIVE_INFINITY;
}

/** Of several, the one that the machine's other work disturbed least. */
async function fastest(ask: () => Promise<number>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let times = 0; times < 15; times += 1) least = Math.min(least, await ask());
  return least;
}

it.each<[string, () => Step]>([
  ['an immediate 500', () => fail(500)],
  ['an immediate 529', () => fail(529)],
  [
    'a 503 whose body comes bit by bit',
    () => raw(503, 'x'.repeat(200), { 'content-type': 'text/plain' }, { chunkBytes: 10, delayMs: 50 }),
  ],
  ['a 502 whose body never comes', () => raw(502, 'xx', {}, { breakAfter: { bytes: 1, how: 'hang' } })],
])('%s costs less than 20 ms over the time of the next target', async (_name, step) => {
  lab.second.script(() => say('ok'));
  await firstContent('alone');
  const alone = await fastest(() => firstContent('alone'));
  lab.first.script(step);
  const after = await fastest(() => firstContent('both'));
  expect(lab.attempts()).toEqual(['a failed', 'b answered']);
  expect(after - alone).toBeLessThan(20);
});

it('a refused connection costs less than 20 ms', async () => {
  const baseUrl = `http://127.0.0.1:${await closedPort()}`;
  await using gone = await failoverLab({
    providers: [
      { id: 'gone', type: 'anthropic-compatible', baseUrl },
      { id: 'b', type: 'anthropic-compatible', baseUrl: lab.second.url },
    ],
    aliases: { both: ['gone/m', 'b/m'] },
  });
  const least = await fastest(async () => {
    const response = await gone.ask(question('x', { model: 'both', stream: true }));
    expect(await response.text()).toContain('message_stop');
    const [first, second] = gone.rows.at(-1)?.attempts ?? [];
    return (second?.startedMs ?? Number.POSITIVE_INFINITY) - (first?.startedMs ?? 0);
  });
  expect(least).toBeLessThan(20);
});

it('the wording of an error that comes at once is not lost, and that of the last one is waited for', async () => {
  lab.first.script(() => fail(500, { message: 'it broke here' }));
  lab.second.script(() => raw(500, 'x'.repeat(40), { 'content-type': 'text/plain' }, { chunkBytes: 10, delayMs: 20 }));
  const response = await lab.ask(question('x', { model: 'both', stream: true }));
  const text = await response.text();
  expect(text).toContain('it broke here');
  expect(text).toContain('x'.repeat(40));
});
