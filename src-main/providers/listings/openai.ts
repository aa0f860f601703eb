import { ProxyError } from '../../../src-shared/errors.ts';
import { isObject } from '../../protocols/is-object.ts';
import { errorOf, tokens } from '../good-json.ts';
import type { ModelListing, VendorModel } from '../model-listing.ts';
import type { Probe } from '../probe.ts';

/**
 * `GET /v1/models` as OpenAI and all who copy it answer, with what some of them add: windows and limits (Groq, vLLM, Together,
 * Mistral, Fireworks, Moonshot), abilities (Mistral, Fireworks). Together sends the list itself. Models that write no text are
 * left out where the list says so, or the name can mean nothing else.
 */
export const listOpenaiModels: ModelListing = async (server, signal) => {
  const answer = await server.ask({ path: '/models', signal });
  if (answer.status >= 400) throw errorOf(server.provider, answer);
  return entriesOf(server.provider, answer).flatMap(asModel);
};

/** The list as a question that shows whether a server is there and takes the key. */
export const listModelsAsCheck: Probe = async (server, key, signal) => {
  const answer = await server.ask({ path: '/models', key, signal });
  if (answer.status >= 400) throw errorOf(server.provider, answer);
  entriesOf(server.provider, answer);
  return { state: 'ready' };
};

/** @throws ProxyError `provider_garbage` where it is no list of models. */
function entriesOf(provider: string, { json, text }: { json: unknown; text: string }): Record<string, unknown>[] {
  const list: unknown = isObject(json) ? (json.data ?? json.models) : json;
  if (Array.isArray(list)) return list.filter(isObject);
  const found = text.trimStart().startsWith('<') ? 'a web page' : JSON.stringify(text.slice(0, 80));
  throw ProxyError.of('provider_garbage', {
    provider,
    reason: `its list of models should be JSON, but is ${found}. Does baseUrl lead to the API?`,
  });
}

/** Ids of OpenAI and others that answer no chat, in lists that tell nothing else of them. */
const OTHER_KINDS =
  /(?:^|[/_-])(?:text-embedding|embed(?:ding)?s?|whisper|tts|dall-e|gpt-image|imagen|veo|sora|omni-moderation|text-moderation|rerank(?:er)?|transcribe|babbage|davinci)(?:[-_/.]|$)/i;
const OTHER_TYPES = new Set([
  'embedding',
  'embeddings',
  'image',
  'audio',
  'rerank',
  'moderation',
  'transcribe',
  'video',
]);

function asModel(entry: Record<string, unknown>): VendorModel[] {
  const { id, name, display_name, active, type, capabilities, deleted } = entry;
  if (typeof id !== 'string' || id === '' || active === false || deleted === true) return [];
  if (typeof type === 'string' && OTHER_TYPES.has(type)) return [];
  const can = isObject(capabilities) ? capabilities : {};
  if (can.completion_chat === false || entry.supports_chat === false || OTHER_KINDS.test(id)) return [];
  const contextWindow = first(entry, WINDOWS);
  const maxOutput = first(entry, OUTPUTS);
  const images = flag(can.vision) ?? flag(entry.supports_image_input) ?? flag(entry.supports_image_in);
  const tools = flag(can.function_calling) ?? flag(entry.supports_tools);
  const reasoning = flag(can.reasoning) ?? flag(entry.supports_reasoning);
  const shown = [display_name, name].find((text) => typeof text === 'string' && text !== '' && text !== id);
  return [
    {
      id,
      ...(typeof shown === 'string' ? { displayName: shown } : {}),
      ...(contextWindow === null ? {} : { contextWindow }),
      ...(maxOutput === null ? {} : { maxOutput }),
      ...(images === null ? {} : { images }),
      ...(tools === null ? {} : { tools }),
      ...(reasoning === null ? {} : { reasoning }),
    },
  ];
}

const WINDOWS = ['context_length', 'context_window', 'max_context_length', 'max_model_len', 'max_input_tokens'];
const OUTPUTS = ['max_completion_tokens', 'max_output_tokens', 'max_output_length'];

function first(entry: Record<string, unknown>, names: readonly string[]): number | null {
  for (const name of names) {
    const count = tokens(entry[name]);
    if (count !== null) return count;
  }
  return null;
}

const flag = (value: unknown): boolean | null => (typeof value === 'boolean' ? value : null);
