import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyOf } from '../../../src-main/cache/request-key.ts';
import { RequestContext } from '../../../src-main/pipeline/context.ts';
import { anthropicClientCodec } from '../../../src-main/protocols/anthropic/client-codec.ts';
import { RequestBody } from '../../../src-main/protocols/request-body.ts';
import { factWorld, planOf } from '../../helpers/routing.ts';

const use = { ttlMs: 1_000, agentTurns: false };
const json = fc.jsonValue({ depthSize: 'small', maxDepth: 4 });

function keyOfText(text: string): string | null {
  const context = new RequestContext(
    {
      id: 'req_1',
      codec: anthropicClientCodec,
      path: '/v1/messages',
      query: '',
      rawHeaders: [],
      header: () => null,
      body: new RequestBody(Buffer.from(text)),
      clientCredentials: [],
      client: null,
      signal: new AbortController().signal,
      arrivedAt: performance.now(),
    },
    factWorld,
  );
  return keyOf({ context, plan: planOf('r') }, use);
}
const keyOfBody = (body: Record<string, unknown>) => keyOfText(JSON.stringify({ model: 'm', messages: [], ...body }));

/** The same value, with its keys in another order. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, one]) => [name, turned(one)]),
  );
}

describe('what names a request', () => {
  it('is the same whatever the order of keys, and another wherever the body says something else', () => {
    fc.assert(
      fc.property(json, json, (one, other) => {
        const key = keyOfBody({ stop: one });
        expect(keyOfBody({ stop: turned(one) })).toBe(key);
        expect(keyOfBody({ stop: other }) === key).toBe(canonical(one) === canonical(other));
      }),
    );
  });

  it('tells numbers apart that a double does not, and what looks like the inside of an object', () => {
    const keys = ['12345678901234567890', '12345678901234567891', '{"of":["a",1]}', '{"a":1}', '["a",1]', '"a"'].map(
      (text) => keyOfText(`{"model":"m","messages":[{"a":${text}}]}`),
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('is nothing where tools are offered, or where more than the request decides', () => {
    expect(keyOfBody({ tools: [] })).not.toBeNull();
    for (const body of [
      { tools: [{ name: 'Bash' }] },
      { functions: [{ name: 'f' }] },
      { previous_response_id: 'resp_1' },
      { thread: { id: 't' } },
    ])
      expect(keyOfBody(body)).toBeNull();
  });
});

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? { of: Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)) }
      : one,
  );
