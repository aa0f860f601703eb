import { describe, expect, it } from 'vitest';
import { keyOf } from '../../../src-main/pipeline/attempt-key.ts';
import { type AttemptContext, attemptContext, RequestContext } from '../../../src-main/pipeline/context.ts';
import { anthropicClientCodec } from '../../../src-main/protocols/anthropic/client-codec.ts';
import { RequestBody } from '../../../src-main/protocols/request-body.ts';
import { createProvider } from '../../../src-main/providers/provider-types.ts';
import { configSchema } from '../../../src-shared/config.ts';
import type { KeyState } from '../../../src-shared/keys.ts';
import { factWorld } from '../../helpers/routing.ts';

/** A provider of two keys, which can be read once the gate is open. */
function slowKeys() {
  const gate = Promise.withResolvers<void>();
  const [config] = configSchema.parse({
    providers: [
      {
        id: 'p',
        type: 'anthropic-compatible',
        baseUrl: 'http://p.example',
        keys: ['env:FIRST', 'env:SECOND'],
        keyStrategy: 'least-connections',
      },
    ],
  }).providers;
  if (config === undefined) throw new Error('no provider');
  const provider = createProvider(config, {
    transport: {
      send: () => Promise.reject(new Error('nobody is called')),
      check: () => null,
      reset: () => undefined,
      close: () => Promise.resolve(),
    },
    resolveKey: async ({ reference }): Promise<KeyState> => {
      await gate.promise;
      return { state: 'present', value: `value of ${reference}`, reference: reference ?? '', warning: null };
    },
  });
  const attempt = (session: string): AttemptContext => {
    const request = {
      id: 'req_1',
      codec: anthropicClientCodec,
      path: '/v1/messages',
      query: '',
      rawHeaders: [],
      header: (name: string) => (name === 'x-claude-code-session-id' ? session : null),
      body: new RequestBody(Buffer.from('{"model":"m","messages":[{"role":"user","content":"hi"}]}')),
      clientCredentials: [],
      client: null,
      signal: new AbortController().signal,
      arrivedAt: 0,
    };
    const chances = { noOther: true, isFinal: true, othersForRefused: false };
    return attemptContext(new RequestContext(request, factWorld), { provider, model: 'm' }, chances);
  };
  return { provider, gate, attempt };
}

describe('the key of an attempt', () => {
  it('that comes when its client has left is not taken for one in use', async () => {
    const { provider, gate, attempt } = slowKeys();
    const left = new AbortController();
    const gone = keyOf(attempt('gone'), left.signal);
    left.abort(new Error('left'));
    await expect(gone).rejects.toThrow('left');
    gate.resolve();
    const { signal } = new AbortController();
    const chosen: string[] = [];
    for (const session of ['a', 'b', 'c', 'd']) {
      const key = await keyOf(attempt(session), signal);
      provider.keys.ended(key, null);
      chosen.push(key.id);
    }
    expect(chosen).toEqual(['2', '1', '2', '1']);
  });
});
