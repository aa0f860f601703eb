import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RequestRow } from '../../src-shared/requests.ts';
import { agentTools, question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import {
  answer,
  callTools,
  fail,
  raw,
  type ScriptableUpstream,
  type Step,
  say,
  startUpstream,
  type UpstreamRequest,
} from '../helpers/scriptable-upstream.ts';

const KEYS = { FIRST: 'sk-first-key-0000', SECOND: 'sk-second-key-1111', THIRD: 'sk-third-key-2222' };
const keyOf = ({ headers }: UpstreamRequest): string => String(headers['x-api-key'] ?? headers.authorization);

let upstream: ScriptableUpstream;
let other: ScriptableUpstream;
let running: RunningEngine;

/** An engine with a provider of three keys, of which the first is asked unless a conversation has another, and one behind it. */
async function start(
  keys: unknown[] = [{ key: 'env:FIRST', weight: 1e9 }, { key: 'env:SECOND' }, { key: 'env:THIRD' }],
) {
  running = await runEngine(
    {
      providers: [
        {
          id: 'many',
          type: 'anthropic-compatible',
          baseUrl: upstream.url,
          models: ['m'],
          keys: keys as never,
          priority: 1,
        },
        { id: 'other', type: 'anthropic-compatible', baseUrl: other.url, models: ['m'], priority: 2 },
      ],
    },
    { env: KEYS },
  );
}

/** What the upstream says to each key; whoever is not named gets an answer. */
function refuse(by: Partial<Record<keyof typeof KEYS, () => Step>>): void {
  upstream.script((request) => {
    const name = Object.keys(KEYS).find((key) => keyOf(request).includes(KEYS[key as keyof typeof KEYS]));
    return by[name as keyof typeof KEYS]?.() ?? say('hello');
  });
}

const rows = async (): Promise<RequestRow[]> => {
  const control = await running.engine.controlRouter();
  const { call } = await import('@orpc/server');
  return call(control.requests.list, {}, { context: {} });
};
const keysAsked = (): string[] =>
  upstream.asked.map((request) => Object.entries(KEYS).find(([, key]) => keyOf(request).includes(key))?.[0] ?? 'none');

beforeEach(async () => {
  upstream = await startUpstream();
  other = await startUpstream();
  other.script(() => say('from another provider'));
});
afterEach(async () => {
  await running.stop();
  await upstream.close();
  await other.close();
});

const classes: [string, () => Step, string][] = [
  ['refused', () => fail(401, { type: 'authentication_error', message: 'invalid x-api-key' }), 'refused'],
  ['not allowed', () => fail(403, { type: 'permission_error', message: 'not for you' }), 'ready'],
  ['without money', () => fail(402, { type: 'billing_error', message: 'pay first' }), 'exhausted'],
  [
    "without credit, in Anthropic's words",
    () => fail(400, { type: 'invalid_request_error', message: 'Your credit balance is too low to access the API.' }),
    'exhausted',
  ],
  [
    'asked to wait',
    () => fail(429, { type: 'rate_limit_error', message: 'slow down', headers: { 'retry-after': '30' } }),
    'cooling-down',
  ],
];

describe.each([true, false])('streamed: %s, a key that is', (stream) => {
  it.each(classes)('%s is changed for another before any other provider is asked', async (_name, step, state) => {
    await start();
    refuse({ FIRST: step });
    const reply = await running.ask(question('hello', { stream }));
    expect(reply.status).toBe(200);
    expect(await reply.text()).toContain('hello');
    expect(other.asked).toHaveLength(0);
    const [row] = await rows();
    expect(row?.attempts.map(({ key, outcome }) => [key, outcome])).toEqual([
      ['1', 'failed'],
      [expect.stringMatching(/^[23]$/), 'answered'],
    ]);
    expect(row?.trace.some(({ step: name }) => name === 'key changed')).toBe(true);
    const [first] = running.engine.status().providers[0]?.keys ?? [];
    expect(first).toMatchObject({ id: '1', reference: 'env:FIRST', state });
    // The next conversation does not try it again.
    await (await running.ask(question('again', { stream }))).text();
    expect(keysAsked().filter((key) => key === 'FIRST')).toHaveLength(1);
  });
});

describe('keys', () => {
  it('that all fail leave the request to the next provider, and all are shown', async () => {
    await start();
    const step = () => fail(401, { type: 'authentication_error', message: 'invalid x-api-key' });
    refuse({ FIRST: step, SECOND: step, THIRD: step });
    const reply = await running.ask(question());
    expect(await reply.text()).toContain('from another provider');
    const [row] = await rows();
    expect(row?.attempts.map(({ provider }) => provider)).toEqual(['many', 'many', 'many', 'other']);
    expect(running.engine.status().providers[0]?.keys.map(({ state }) => state)).toEqual([
      'refused',
      'refused',
      'refused',
    ]);
  });

  it('are not changed for what is no fault of theirs', async () => {
    await start();
    upstream.script(() => fail(529, { type: 'overloaded_error', message: 'Overloaded' }));
    expect(await (await running.ask(question())).text()).toContain('from another provider');
    expect(upstream.asked).toHaveLength(1);
  });

  it('are changed for an error inside a 200 stream too, before content', async () => {
    await start();
    refuse({
      FIRST: () =>
        answer([{ type: 'text', text: 'never seen' }], {
          wire: { errorAfter: { frames: 1, type: 'rate_limit_error', message: 'slow down' } },
        }),
    });
    const reply = await running.ask(question('hello', { stream: true }));
    expect(await reply.text()).toContain('hello');
    expect(other.asked).toHaveLength(0);
  });

  it('stay with a conversation for fifty turns, in parallel with others, and after they changed', async () => {
    await start([{ key: 'env:FIRST' }, { key: 'env:SECOND' }, { key: 'env:THIRD' }]);
    refuse({});
    const turn = async (session: string, text: string) => {
      const reply = await running.ask(question(text), { headers: { 'x-claude-code-session-id': session } });
      await reply.text();
    };
    const sessions = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (let index = 0; index < 50; index += 1)
      await Promise.all(sessions.map((session) => turn(session, `turn ${index}`)));
    const bySession = new Map<string, Set<string>>();
    upstream.asked.forEach((request, index) => {
      const session = String(request.headers['x-claude-code-session-id']);
      bySession.set(session, (bySession.get(session) ?? new Set()).add(keysAsked()[index] ?? ''));
    });
    for (const keys of bySession.values()) expect(keys.size).toBe(1);
    expect(new Set([...bySession.values()].flatMap((keys) => [...keys])).size).toBeGreaterThan(1);

    const [home] = bySession.get('a') ?? [];
    refuse({ [home as keyof typeof KEYS]: classes[4]?.[1] ?? (() => say('')) });
    upstream.reset();
    await turn('a', 'once more');
    await turn('a', 'and again');
    const [refused, ...then] = keysAsked();
    expect(refused).toBe(home);
    expect(new Set(then).size).toBe(1);
    expect(then[0]).not.toBe(home);
  });

  it('stay with a conversation that no header names, by its opening', async () => {
    await start([{ key: 'env:FIRST' }, { key: 'env:SECOND' }, { key: 'env:THIRD' }]);
    refuse({});
    for (const [index, opening] of ['one', 'two', 'three', 'four', 'one', 'two', 'three', 'four'].entries())
      await (
        await running.ask({
          ...question(),
          messages: [
            { role: 'user', content: opening },
            ...(index < 4
              ? []
              : [
                  { role: 'assistant', content: 'yes' },
                  { role: 'user', content: 'go on' },
                ]),
          ],
        })
      ).text();
    const asked = keysAsked();
    expect(asked.slice(4)).toEqual(asked.slice(0, 4));
  });

  it('keep a tool loop alive across a change', async () => {
    await start();
    upstream.script((request) =>
      JSON.stringify(request.json).includes('tool_result')
        ? say('done')
        : keyOf(request).includes(KEYS.FIRST)
          ? fail(401, { type: 'authentication_error', message: 'invalid x-api-key' })
          : callTools([{ name: 'Bash', input: { command: 'ls' } }]),
    );
    const first = (await (await running.ask(question('list', { tools: agentTools }))).json()) as {
      content: { type: string; id: string }[];
    };
    const call = first.content.find(({ type }) => type === 'tool_use');
    const second = await running.ask({
      ...question('list', { tools: agentTools }),
      messages: [
        { role: 'user', content: 'list' },
        { role: 'assistant', content: first.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: call?.id, content: 'a b' }] },
      ],
    });
    expect(await second.text()).toContain('done');
  });

  it('at limits of their own are passed over, and when all are, the client is told for how long', async () => {
    await start([
      { key: 'env:FIRST', requestsPerMinute: 1 },
      { key: 'env:SECOND', requestsPerMinute: 1 },
    ]);
    refuse({});
    other.script(() =>
      fail(529, { type: 'overloaded_error', message: 'Overloaded', headers: { 'retry-after': '90' } }),
    );
    for (let index = 0; index < 2; index += 1) expect((await running.ask(question())).status).toBe(200);
    expect(new Set(keysAsked()).size).toBe(2);
    const third = await running.ask(question());
    expect(third.status).toBe(529);
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(50);
    expect(await third.text()).toMatch(/reached the limit that the configuration sets/);
    expect(upstream.asked).toHaveLength(2);
  });
});

describe('a provider that is the only one', () => {
  const only = (keys: object, rest: object = {}) => ({
    providers: [
      { id: 'many', type: 'anthropic-compatible' as const, baseUrl: upstream.url, models: ['m'], ...keys, ...rest },
    ],
    server: { auth: 'none' as const },
  });
  const both = { keys: [{ key: 'env:FIRST' }, { key: 'env:SECOND' }] };
  const firstFirst = [{ key: 'env:FIRST', weight: 1e9 }, { key: 'env:SECOND' }];

  it('and refuses all its keys is one error, which names what it said', async () => {
    running = await runEngine(only(both), { env: KEYS });
    refuse({
      FIRST: () => fail(401, { type: 'authentication_error', message: 'invalid x-api-key' }),
      SECOND: () => fail(401, { type: 'authentication_error', message: 'this key was revoked' }),
    });
    const reply = await running.ask(question());
    expect(reply.status).toBe(502);
    const text = await reply.text();
    expect(text).toContain('refused its API key');
    expect(text).toContain('invalid x-api-key');
    expect(text).toContain('this key was revoked');
    const [row] = await rows();
    expect(row?.error?.code).toBe('provider_key_refused');
    expect(upstream.asked).toHaveLength(2);
  });

  it('and limits all its keys tells the client the shorter wait, in its own words', async () => {
    running = await runEngine(only(both), { env: KEYS });
    const limited = (seconds: number) => () =>
      fail(429, { type: 'rate_limit_error', message: `wait ${seconds}`, headers: { 'retry-after': String(seconds) } });
    refuse({ FIRST: limited(40), SECOND: limited(20) });
    const reply = await running.ask(question());
    expect(reply.status).toBe(429);
    expect(reply.headers.get('retry-after')).toBe('20');
    expect(await reply.text()).toContain('wait 20');
  });

  it('and has one key gives its own refusal each time', async () => {
    running = await runEngine(only({ key: 'env:FIRST' }), { env: KEYS });
    refuse({
      FIRST: () => fail(429, { type: 'rate_limit_error', message: 'slow down', headers: { 'retry-after': '30' } }),
    });
    for (let index = 0; index < 2; index += 1) {
      const reply = await running.ask(question());
      expect([reply.status, reply.headers.get('retry-after')]).toEqual([429, '30']);
      expect(await reply.text()).toContain('slow down');
    }
    refuse({});
    expect((await running.ask(question())).status).toBe(200);
    const [row] = await rows();
    expect(row?.attempts.map(({ key }) => key)).toEqual([null]);
    expect(running.engine.status().providers[0]?.keys[0]?.state).toBe('ready');
  });

  it('keeps a conversation with its key over a restart', async () => {
    const sessions = ['a', 'b', 'c', 'd', 'e', 'f'];
    const keysOf = async (): Promise<string[]> => {
      running = await runEngine(only(both), { env: KEYS });
      upstream.reset();
      refuse({});
      for (const session of sessions)
        await (
          await running.ask(question(), {
            headers: { 'x-claude-code-session-id': session, authorization: 'Bearer the same client' },
          })
        ).text();
      return keysAsked();
    };
    const before = await keysOf();
    await running.stop();
    expect(await keysOf()).toEqual(before);
    expect(new Set(before).size).toBe(2);
  });

  it('asks each key once, of many requests that meet its limit at the same time', async () => {
    running = await runEngine(only({ keys: firstFirst }), { env: KEYS });
    refuse({ FIRST: () => fail(429, { type: 'rate_limit_error', message: 'slow down' }) });
    const replies = await Promise.all(Array.from({ length: 8 }, () => running.ask(question())));
    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    await Promise.all(replies.map((reply) => reply.text()));
    const [first] = running.engine.status().providers[0]?.keys ?? [];
    expect(first).toMatchObject({ state: 'cooling-down', until: expect.any(Number) });
  });

  it('says of a change which key it was, why, and until when, and never the key', async () => {
    running = await runEngine(only({ keys: firstFirst }), { env: KEYS });
    refuse({ FIRST: () => fail(401, { type: 'authentication_error', message: `no such key: ${KEYS.FIRST}` }) });
    await (await running.ask(question())).text();
    const [row] = await rows();
    const change = row?.trace.find(({ step }) => step === 'key changed');
    expect(change?.detail).toMatch(/^key '1' of many was refused \(no such key: .*\), and rests for 5 min: /);
    expect(JSON.stringify([row, running.engine.status()])).not.toContain(KEYS.FIRST);
  });

  it('takes a conversation whose reasoning another account has signed', async () => {
    running = await runEngine(only({ keys: firstFirst }, { type: 'anthropic' }), { env: KEYS });
    upstream.script((request) => {
      if (!keyOf(request).includes(KEYS.FIRST))
        return request.text.includes('"signature"')
          ? fail(400, {
              type: 'invalid_request_error',
              message: 'messages.1.content.0: Invalid `signature` in `thinking` block',
            })
          : say('went on');
      return request.text.includes('tool_result')
        ? fail(429, { type: 'rate_limit_error', message: 'slow down', headers: { 'retry-after': '60' } })
        : answer([
            { type: 'thinking', text: 'Hm.', signature: 'QUJD' },
            { type: 'tool_use', name: 'Read', input: { file_path: 'a' } },
          ]);
    });
    const settings = { tools: agentTools, max_tokens: 9000, thinking: { type: 'enabled', budget_tokens: 2000 } };
    const opening = question('read', settings);
    const first = (await (await running.ask(opening)).json()) as { content: { type: string; id: string }[] };
    const call = first.content.find(({ type }) => type === 'tool_use');
    const messages = [
      { role: 'user', content: 'read' },
      { role: 'assistant', content: first.content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: call?.id, content: 'x' }] },
    ];
    for (let turn = 0; turn < 2; turn += 1)
      expect(await (await running.ask({ ...opening, messages })).text()).toContain('went on');
    // The second of them knows the key, and that the signature is another's.
    expect(keysAsked()).toEqual(['FIRST', 'FIRST', 'SECOND', 'SECOND', 'SECOND']);
  });

  it('counts tokens with another key where one is refused', async () => {
    running = await runEngine(only({ keys: firstFirst }), { env: KEYS });
    upstream.count((request) =>
      keyOf(request).includes(KEYS.FIRST)
        ? raw(401, '{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}', {})
        : 77,
    );
    for (let index = 0; index < 2; index += 1) {
      const reply = await running.ask(question(), { path: '/v1/messages/count_tokens' });
      expect(await reply.json()).toEqual({ input_tokens: 77 });
    }
    expect(upstream.counted).toHaveLength(3);
    expect(running.engine.status().providers[0]?.keys[0]?.state).toBe('refused');
  });

  it('is not asked with another key once content was shown', async () => {
    running = await runEngine(only(both), { env: KEYS });
    upstream.script(() =>
      say('a text of several words that takes more than one delta to say', {
        errorAfter: { frames: 5, type: 'rate_limit_error', message: 'slow down' },
      }),
    );
    const text = await (await running.ask(question('hello', { stream: true }))).text();
    expect(text).toContain('slow down');
    expect(upstream.asked).toHaveLength(1);
  });
});
