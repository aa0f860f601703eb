import { describe, expect, it } from 'vitest';
import type { ProviderCodec } from '../../src-main/protocols/codec.ts';
import { RequestBody } from '../../src-main/protocols/request-body.ts';
import type { ClientProtocol, ProviderProtocol } from '../../src-shared/requests.ts';
import { collectMessage } from '../helpers/answers.ts';
import { decodeContext, encodeTarget } from '../helpers/codec-contexts.ts';
import { growingClients } from '../helpers/growing-clients.ts';
import { codecs } from './cache-share.ts';

/** What a model has said in a call is what it is given back, and what the client gets. */

/** As models write it, not as `JSON.stringify` does. */
const WRITTEN = '{"b": 1.0, "1": 1e3, "id": 12345678901234567890, "u": "\\u00e9"}';
/** The same as far as JavaScript's objects can hold it. */
const EXACT = '{"1":1000,"b":1,"id":12345678901234567890,"u":"é"}';

const conversations: Record<ClientProtocol, string> = {
  anthropic: `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":${WRITTEN}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"r"}]}]}`,
  'openai-chat': `{"model":"m","messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":${JSON.stringify(WRITTEN)}}}]},{"role":"tool","tool_call_id":"a","content":"r"}]}`,
  'openai-responses': `{"model":"m","input":[{"role":"user","content":"x"},{"type":"function_call","call_id":"a","name":"f","arguments":${JSON.stringify(WRITTEN)}},{"type":"function_call_output","call_id":"a","output":"r"}]}`,
};

/** As a text of JSON, and where the dialect has an object, as that object's own. */
const sentInput: Record<ProviderProtocol, (input: string) => string> = {
  anthropic: (input) => `"input":${input}`,
  'openai-chat': (input) => `"arguments":${JSON.stringify(input)}`,
  'openai-responses': (input) => `"arguments":${JSON.stringify(input)}`,
  ollama: (input) => `"arguments":${input}`,
};

const isOpenai = (protocol: string): boolean => protocol.startsWith('openai');

const pairs = (Object.keys(conversations) as ClientProtocol[]).flatMap((client) =>
  Object.values(codecs)
    .filter(({ protocol }) => protocol !== client)
    .map((codec) => ({ client, codec, provider: codec.protocol })),
);

describe.each(pairs)("a call's input, from $client to $provider", ({ client, codec, provider }) => {
  it('keeps every digit, and as a text every byte', () => {
    const request = new RequestBody(Buffer.from(conversations[client])).decode();
    const { body } = codec.encodeRequest(growingClients[client].codec.decodeRequest(request), encodeTarget());
    const input = isOpenai(client) && isOpenai(provider) ? WRITTEN : EXACT;
    expect(Buffer.from(body).toString()).toContain(sentInput[provider](input));
  });
});

const answers: readonly { name: string; codec: ProviderCodec; stream: string }[] = [
  {
    name: 'Ollama',
    codec: codecs.ollama,
    stream: `{"message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":${WRITTEN}}}]},"done":true,"done_reason":"stop"}\n`,
  },
  {
    name: 'Anthropic, whole',
    codec: codecs.anthropic,
    stream: `{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"tool_use","id":"a","name":"f","input":${WRITTEN}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}`,
  },
  {
    name: 'Chat Completions, whole',
    codec: codecs['openai-chat'],
    stream: `{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":${JSON.stringify(WRITTEN)}}}]}}]}`,
  },
];

describe.each(answers)('a call in an answer of $name', ({ codec, stream }) => {
  it('keeps every digit, for every client', () => {
    const decoder = codec.createStreamDecoder(decodeContext());
    const message = collectMessage([...decoder.push(Buffer.from(stream)), ...decoder.end()]);
    for (const client of Object.values(growingClients)) {
      const whole = client.codec.answerEncoder(() => ({})).encodeAnswer(message);
      expect(whole.replaceAll('\\"', '"')).toContain('12345678901234567890');
    }
  });
});
