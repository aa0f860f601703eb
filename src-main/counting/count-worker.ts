import { parentPort } from 'node:worker_threads';
import type { ClientProtocol } from '../../src-shared/requests.ts';
import { anthropicClientCodec } from '../protocols/anthropic/client-codec.ts';
import type { ClientCodec } from '../protocols/codec.ts';
import { openaiChatClientCodec } from '../protocols/openai-chat/client-codec.ts';
import { openaiResponsesClientCodec } from '../protocols/openai-responses/client-codec.ts';
import { countPrompt } from './count-prompt.ts';
import { TextCounter } from './count-text.ts';
import type { CountAnswer, CountQuestion } from './counting-thread.ts';

/** The thread that counts: it decodes bodies itself, so that the main thread need not. */

const codecs: Readonly<Record<ClientProtocol, ClientCodec>> = {
  anthropic: anthropicClientCodec,
  'openai-chat': openaiChatClientCodec,
  'openai-responses': openaiResponsesClientCodec,
};

const counter = new TextCounter();

function answer({ id, protocol, model, raw }: CountQuestion): CountAnswer {
  try {
    const request = codecs[protocol].decodeRequest(JSON.parse(Buffer.from(raw).toString()));
    return { id, features: countPrompt(request, model, counter) };
  } catch {
    // No request of this protocol: whoever sent it is told so elsewhere, and errors may quote it.
    return { id, features: null };
  }
}

parentPort?.on('message', (question: CountQuestion) => parentPort?.postMessage(answer(question)));
