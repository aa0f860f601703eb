import type { RequestRow } from '../../src-shared/requests.ts';

/** Reasons to end, in the dialects' words, with which an answer is whole. */
const WHOLE = new Set(['end_turn', 'stop_sequence', 'max_tokens', 'stop', 'length', 'completed', 'max_output_tokens']);
const CALLS = new Set(['tool_use', 'tool_calls', 'function_call']);

/** As OpenAI's dialects have it beside the text; inside of a text the quotes would be escaped. */
const REFUSAL = /"refusal"\s*:\s*"/;

/** Whether an answer that a client was given is one to be given again. */
export function isWorthKeeping(row: RequestRow, bytes: Uint8Array, agentTurns: boolean): boolean {
  const reason = row.attempts.at(-1)?.stopReason ?? null;
  if (row.state !== 'answered' || row.status !== 200 || reason === null) return false;
  if (!WHOLE.has(reason) && !(agentTurns && CALLS.has(reason))) return false;
  return !REFUSAL.test(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'));
}
