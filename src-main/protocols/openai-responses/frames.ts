import type { ProxyError } from '../../../src-shared/errors.ts';
import { type OpenaiError, openaiErrorBody } from '../openai-error.ts';
import { type ResponseHead, type ResponseState, responseJson } from './response-object.ts';

/** The type stands twice: some clients read `data:` lines only. */
export const frame = (type: string, sequence: number, fields: string): string =>
  `event: ${type}\ndata: {"type":"${type}","sequence_number":${sequence},${fields}}\n\n`;

/**
 * How a stream fails. OpenAI itself sends both events, in this order: its SDKs throw at `error`, while Codex and others read
 * `response.failed` only. The error is told as OpenAI sends it (nested) and as its reference describes it (flat).
 * @param sequence of the next event.
 * @param output finished items, each as JSON.
 */
export function failureFrames(
  error: OpenaiError,
  head: ResponseHead,
  { sequence, output, echo }: { sequence: number; output: readonly string[]; echo: string },
): string {
  const { code, message, param, type } = error;
  const told = `"code":${JSON.stringify(code)},"message":${JSON.stringify(message)},"param":${JSON.stringify(param)},"error":${JSON.stringify({ type, code, message, param })}`;
  const state: ResponseState = { status: 'failed', error: { code, message }, output, usage: null };
  return (
    frame('error', sequence, told) +
    frame('response.failed', sequence + 1, `"response":${responseJson(head, state, echo)}`)
  );
}

/** What names a response of which nothing is known yet. */
export const unknownHead = (requestId: string): ResponseHead => ({
  id: `resp_${requestId.replace(/^req_/, '')}`,
  createdAt: Math.floor(Date.now() / 1000),
  model: '',
});

/** The end of a stream of which nothing was said yet. */
export function encodeFailure(error: ProxyError, requestId: string): string {
  return failureFrames(openaiErrorBody(error).error, unknownHead(requestId), { sequence: 0, output: [], echo: '' });
}
