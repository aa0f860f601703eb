import { readdirSync, readFileSync } from 'node:fs';
import type { StreamEvent, Tool } from '../../../../src-main/protocols/canonical.ts';
import type { DecodeContext } from '../../../../src-main/protocols/codec.ts';
import { createStreamDecoder } from '../../../../src-main/protocols/openai-chat/decode-answer.ts';
import { countingIds, decodeContext, decodeStream } from '../../../helpers/codec-contexts.ts';

const folder = new URL('../../../fixtures/openai-chat/', import.meta.url);

/** Names of the recorded streams, without `.sse`. */
export const fixtureNames = readdirSync(folder)
  .filter((file) => file.endsWith('.sse'))
  .map((file) => file.replace(/\.sse$/, ''));

/** With LF, also where git checked it out with CRLF. */
export const readFixture = (name: string): Buffer =>
  Buffer.from(readFileSync(new URL(`${name}.sse`, folder), 'utf8').replaceAll('\r\n', '\n'));

export const context: DecodeContext = decodeContext({ estimatedInputTokens: 77 });

const tool = (name: string, properties: Record<string, unknown>): Tool => ({
  name,
  input_schema: { type: 'object', properties },
});

/** Tools that the fixtures' mark-up calls. */
const offeredTools = new Map(
  [
    tool('Bash', { command: { type: 'string' }, timeout: { type: 'number' } }),
    tool('Read', { path: { type: 'string' } }),
  ].map((offered) => [offered.name, offered]),
);

const openrouter = { quirks: { ...context.quirks, returnsReasoningDetails: true } };
const markup = { quirks: { ...context.quirks, readsMarkup: true }, offeredTools };

/** What the decoder is told of the request where a fixture needs it. */
function contextOf(name: string): Partial<DecodeContext> {
  if (name.startsWith('openrouter-')) return openrouter;
  if (name.startsWith('markup-')) return markup;
  return name === 'stop-sequence-cut' ? { stopSequences: ['<END>'] } : {};
}

/** The events of a recorded stream that arrives in the given pieces. */
export const decodeFixture = (name: string, pieces: Iterable<Uint8Array>): StreamEvent[] =>
  decodePieces(pieces, contextOf(name));

/** The events of a stream that arrives in the given pieces. */
export function decodePieces(pieces: Iterable<Uint8Array>, overrides: Partial<DecodeContext> = {}): StreamEvent[] {
  return decodeStream(createStreamDecoder({ ...context, ...overrides }, countingIds()), pieces);
}

export const decodeText = (text: string, overrides?: Partial<DecodeContext>): StreamEvent[] =>
  decodePieces([Buffer.from(text)], overrides);

/** A stream of chunks whose only choice has the given deltas. */
export function streamOf(deltas: readonly unknown[], finishReason: string | null = 'stop'): string {
  const chunks: unknown[] = deltas.map((delta) => ({ id: 'c', choices: [{ index: 0, delta, finish_reason: null }] }));
  if (finishReason !== null) chunks.push({ id: 'c', choices: [{ index: 0, delta: {}, finish_reason: finishReason }] });
  return `${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')}data: [DONE]\n\n`;
}
