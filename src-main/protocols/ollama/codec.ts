import type { ProviderCodec } from '../codec.ts';
import { decodeError } from './error.ts';
import { encodeRequest } from './request.ts';
import { decodeAnswer, OllamaStreamDecoder } from './stream-decoder.ts';

/**
 * Ollama's own API (its docs/api.md, "Generate a chat completion"): the only one of its three in which a client can say how
 * large the context window is to be.
 */
export const ollamaCodec: ProviderCodec = {
  protocol: 'ollama',
  path: '//api/chat',
  passThrough: null,
  encodeRequest,
  createStreamDecoder: (context) => new OllamaStreamDecoder(context),
  decodeAnswer,
  decodeError,
};
