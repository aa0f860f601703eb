import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FailoverLab, failoverLab } from '../helpers/failover-lab.ts';
import { agentTools, question } from '../helpers/running-engine.ts';
import { closedPort, fail, type Step } from '../helpers/scriptable-upstream.ts';

const SECRET = 'sk-ant-api03-of-the-first';

let upstreams: FailoverLab;
let lab: FailoverLab;

beforeEach(async () => {
  upstreams = await failoverLab();
  const baseUrl = `http://127.0.0.1:${await closedPort()}`;
  lab = await failoverLab(
    {
      providers: [
        { id: 'a', type: 'anthropic-compatible', baseUrl: upstreams.first.url, key: 'env:FIRST' },
        { id: 'b', type: 'openai-compatible', baseUrl: upstreams.second.url, key: 'env:SECOND' },
        { id: 'gone', type: 'openai-compatible', baseUrl },
        { id: 'toolless', type: 'openai-compatible', baseUrl, models: [{ id: 'm', capabilities: { tools: false } }] },
        { id: 'small', type: 'openai-compatible', baseUrl, models: [{ id: 'm', contextWindow: 6_000 }] },
      ],
      aliases: { all: ['a/m', 'b/m', 'gone/m', 'toolless/m', 'small/m'], ab: ['a/m', 'b/m'] },
    },
    { env: { FIRST: SECRET, SECOND: 'sk-of-the-second' } },
  );
});
afterEach(async () => {
  await lab[Symbol.asyncDispose]();
  await upstreams[Symbol.asyncDispose]();
});

const script = (first: Step, second: Step): void => {
  upstreams.first.script(() => first);
  upstreams.second.script(() => second);
};

/** Fits all but the window of `small`, by far enough that it need not be counted, and too near that it is left out at once. */
const text = 'word '.repeat(9_000);
const tool = { type: 'function', function: { name: 'Bash', parameters: { type: 'object' } } };
const doors: [string, string, Record<string, unknown>][] = [
  ['Anthropic', '/v1/messages', question(text, { model: 'all', tools: agentTools })],
  [
    'Chat Completions',
    '/v1/chat/completions',
    { model: 'all', messages: [{ role: 'user', content: text }], tools: [tool] },
  ],
  [
    'Responses',
    '/v1/responses',
    { model: 'all', input: text, store: false, tools: [{ type: 'function', ...tool.function }] },
  ],
];

describe.each(doors)('when nobody can answer, a client of %s', (_name, path, body) => {
  it('gets one error that says of each target why, and that it may ask again', async () => {
    script(
      fail(500, { message: `the key ${SECRET} made it break` }),
      fail(529, { message: 'full', headers: { 'retry-after': '7' } }),
    );
    const response = await lab.ask(body, { path });
    const { error } = (await response.json()) as { error: { message: string } };
    expect(error.message.split('\n')).toEqual([
      'None of 5 targets could answer.',
      '- a/m answered HTTP 500: the key [redacted] made it break',
      '- b/m answered HTTP 529: full',
      expect.stringMatching(
        /^- gone\/m could not be reached: nothing listens at 127\.0\.0\.1:\d+ \(connection refused\)/,
      ),
      expect.stringMatching(/^- small\/m was not asked: about 9,\d+ tokens are more than its window of 6,000$/),
      '- toolless/m was not asked: it cannot call tools',
      'What has failed may pass: ask again.',
    ]);
    expect([response.status, response.headers.get('retry-after'), response.headers.get('x-should-retry')]).toEqual([
      502,
      null,
      null,
    ]);
    expect(error.message).not.toContain(SECRET);
  });

  it('is told not to ask again where that does not help', async () => {
    script(fail(401, { message: 'bad key' }), fail(404, { message: 'no such model' }));
    const response = await lab.ask({ ...body, model: 'ab' }, { path });
    const { error } = (await response.json()) as { error: { message: string } };
    expect(error.message.split('\n')).toEqual([
      'None of 2 targets could answer.',
      '- a/m refused its API key (HTTP 401: bad key). Check the key in the configuration.',
      '- b/m answered HTTP 404: no such model',
      'Asking again does not help until one of these is put right.',
    ]);
    expect([response.status, response.headers.get('retry-after'), response.headers.get('x-should-retry')]).toEqual([
      502,
      null,
      'false',
    ]);
  });
});

it('who is only busy is shown as overloaded, from which clients back off', async () => {
  script(fail(429, { headers: { 'retry-after': '9' } }), fail(529, { headers: { 'retry-after': '4' } }));
  const response = await lab.ask(question('x', { model: 'ab' }));
  expect([response.status, response.headers.get('retry-after')]).toEqual([529, '4']);
  expect(await response.text()).toContain('ask again in 4 s.');
});

it('a key that rests is told, and when it can be used again', async () => {
  script(
    fail(429, { message: 'slow down', headers: { 'retry-after': '30' } }),
    fail(503, { message: 'down', headers: { 'retry-after': '50' } }),
  );
  await lab.ask(question('x', { model: 'a/m' }));
  const response = await lab.ask(question('x', { model: 'ab' }));
  const { error } = (await response.json()) as { error: { message: string } };
  expect(error.message).toContain('- b/m answered HTTP 503: down');
  expect(error.message).toMatch(
    /- a\/m(?: answered HTTP 429: slow down|: No key of provider 'a' can be used now: .* rests)/,
  );
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(25);
  expect(Number(response.headers.get('retry-after'))).toBeLessThanOrEqual(30);
});
