import type { Quirks, ReasoningRefusal, UpstreamError } from './codec.ts';

/** The vendors' words, without quotation marks. Sources: the unit test, where each stands with its own. */
const WORDINGS: readonly (readonly [RegExp, ReasoningRefusal])[] = [
  // Anthropic, itself and behind Bedrock, Vertex and relays
  [/invalid signature in thinking/i, 'not-its-own'],
  [/invalid data in redacted_thinking/i, 'not-its-own'],
  [/thinking\.(?:signature|data): field required/i, 'not-its-own'],
  [/redacted_thinking blocks in the latest assistant message cannot be modified/i, 'not-its-own'],
  [/when thinking is disabled, an assistant message in the final position cannot contain thinking/i, 'thinking-off'],
  [/expected thinking or redacted_thinking, but found/i, 'no-thinking'],
  [/final assistant message must start with a thinking block/i, 'no-thinking'],
  // OpenAI's Responses, and who imitates it
  [/encrypted[_ ]content\b.*(?:could not be (?:verified|decrypted)|did not match|was not issued)/i, 'not-its-own'],
  [/item (?:with id )?rs_\w* (?:was )?not found/i, 'not-its-own'],
  [/was provided without its required (?:following item|reasoning item)/i, 'not-its-own'],
  // DeepSeek, MiMo, GLM; Kimi
  [/(?:reasoning_content|content\[\]\.thinking) in the thinking mode must be passed back/i, 'no-reasoning-field'],
  [/reasoning_content is missing in assistant/i, 'no-reasoning-field'],
  // Gemini, itself and behind OpenRouter
  [/missing an? thought_?signature/i, 'no-call-signature'],
  [/(?:corrupted|invalid) thought[_ ]?signature/i, 'bad-call-signature'],
  [/thought[_ ]?signature is not valid/i, 'bad-call-signature'],
];

const STATUSES: ReadonlySet<number> = new Set([400, 404, 422]);

/** What an error says about the reasoning in the conversation; null where it says nothing of it. */
export function reasoningRefusal(status: number, { message, code, param }: UpstreamError): ReasoningRefusal | null {
  if (!STATUSES.has(status)) return null;
  if (code === 'invalid_encrypted_content') return 'not-its-own';
  // MiMo says what is wrong where others name the parameter.
  const plain = `${message} ${param ?? ''}`.replace(/[\\`'"‘’“”]/g, '');
  return WORDINGS.find(([wording]) => wording.test(plain))?.[1] ?? null;
}

/** Whether a refusal is of reasoning for what it is, so that it would be refused again; not for where it stands, or its lack. */
export const provesForeign = (refusal: ReasoningRefusal): boolean =>
  refusal === 'not-its-own' || refusal === 'bad-call-signature';

/** What a provider turns out to want; null for a refusal that tells nothing about later requests, or nothing new. */
export function wantedQuirk(refusal: ReasoningRefusal, known: Quirks): Partial<Quirks> | null {
  if (refusal === 'no-reasoning-field' && !known.returnsReasoningContent) return { returnsReasoningContent: true };
  if (refusal === 'no-call-signature' && known.toolSchema !== 'gemini') return { toolSchema: 'gemini' };
  return null;
}

/** The same in words for the user, after the name of the model. */
export const refusalInWords: Readonly<Record<ReasoningRefusal, string>> = {
  'not-its-own': 'refused reasoning in the conversation that it does not take for its own',
  'bad-call-signature': 'refused signatures of earlier tool calls that it does not take for its own',
  'thinking-off': 'takes no thinking at the end of the conversation, since none is asked for',
  'no-thinking': 'missed its thinking before the last tool calls',
  'no-reasoning-field': 'wants its reasoning back with every answer',
  'no-call-signature': 'wants its signatures back with every tool call',
};
