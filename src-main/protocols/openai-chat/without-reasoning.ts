import type { Quirks, ReasoningRefusal, WithoutReasoning } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { callsOf, signatureOfDetail, signatureOfExtra, UNSIGNED_CALL, unsignedDetail } from './own-state.ts';

/** How hard is thought, in all of the dialect's words for it. */
const THINKING_FIELDS = ['reasoning', 'reasoning_effort', 'include_reasoning', 'thinking'];

/** A request without any past reasoning, for a provider that has refused some of it. */
export function withoutReasoning(
  body: Readonly<Record<string, unknown>>,
  refusal: ReasoningRefusal,
  quirks: Quirks,
): WithoutReasoning | null {
  const { messages } = body;
  if (!Array.isArray(messages)) return null;
  const signatures = new Set<string>();
  const signsCalls = quirks.toolSchema === 'gemini' || refusal.endsWith('call-signature');
  const kept = messages.map((message: unknown) => {
    if (!isObject(message) || message.role !== 'assistant') return message;
    const calls = callsOf(message);
    const details: readonly unknown[] = Array.isArray(message.reasoning_details) ? message.reasoning_details : [];
    if (details.length === 0 && !signsCalls && !calls.some(({ extra_content: extra }) => extra !== undefined))
      return message;
    for (const detail of details) addTo(signatures, signatureOfDetail(detail));
    for (const { extra_content: extra } of calls) addTo(signatures, signatureOfExtra(extra));
    const { reasoning_details: _, ...rest } = message;
    if (calls.length === 0) return rest;
    const signs = signsCalls && !quirks.returnsReasoningDetails;
    const tool_calls = calls.map(({ extra_content: _extra, ...call }, place) =>
      signs && place === 0 ? { ...call, extra_content: UNSIGNED_CALL } : call,
    );
    const unsigned = signsCalls && !signs ? { reasoning_details: [unsignedDetail(String(calls[0]?.id))] } : {};
    return { ...rest, ...unsigned, tool_calls };
  });
  const left: Record<string, unknown> = { ...body, messages: kept };
  if (refusal === 'no-thinking' || refusal === 'no-reasoning-field') {
    for (const field of THINKING_FIELDS) delete left[field];
    if (quirks.reasoningFormat === 'thinking') left.thinking = { type: 'disabled' };
  }
  return JSON.stringify(left) === JSON.stringify(body)
    ? null
    : { body: left, signatures: [...signatures], unsigned: false };
}

function addTo(signatures: Set<string>, signature: string | null): void {
  if (signature !== null) signatures.add(signature);
}
