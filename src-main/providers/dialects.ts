import type { ClientProtocol, ProviderProtocol } from '../../src-shared/requests.ts';
import { anthropicProviderCodec } from '../protocols/anthropic/provider-codec.ts';
import type { ProviderCodec } from '../protocols/codec.ts';
import { ollamaCodec } from '../protocols/ollama/codec.ts';
import { openaiChatCodec } from '../protocols/openai-chat/codec.ts';
import { openaiResponsesCodec } from '../protocols/openai-responses/codec.ts';

const codecs: Readonly<Record<ProviderProtocol, ProviderCodec>> = {
  anthropic: anthropicProviderCodec,
  'openai-chat': openaiChatCodec,
  'openai-responses': openaiResponsesCodec,
  ollama: ollamaCodec,
};

export const codecOf = (protocol: ProviderProtocol): ProviderCodec => codecs[protocol];

/**
 * The dialect of a request: the client's own where the server speaks it, so that bytes pass through; else the server's
 * preferred one.
 * @param spoken the preferred one first.
 */
export function chooseDialect(
  spoken: readonly [ProviderProtocol, ...ProviderProtocol[]],
  client: ClientProtocol,
): ProviderCodec {
  return codecs[spoken.includes(client) ? client : spoken[0]];
}
