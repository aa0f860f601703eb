import { readdirSync, readFileSync } from 'node:fs';
import type { StreamEvent } from '../../../../src-main/protocols/canonical.ts';
import type { DecodeContext, Quirks } from '../../../../src-main/protocols/codec.ts';
import { createStreamDecoder } from '../../../../src-main/protocols/openai-responses/decode-answer.ts';
import { countingIds, decodeContext, decodeStream } from '../../../helpers/codec-contexts.ts';

const folder = new URL('../../../fixtures/openai-responses/answers/', import.meta.url);

/** Names of the recorded streams, without `.sse`. */
export const answerNames = readdirSync(folder).map((file) => file.replace(/\.sse$/, ''));

/** With LF, also where git checked it out with CRLF. */
export const readAnswer = (name: string): Buffer =>
  Buffer.from(readFileSync(new URL(`${name}.sse`, folder), 'utf8').replaceAll('\r\n', '\n'));

type Changes = Partial<Omit<DecodeContext, 'quirks'>> & { quirks?: Partial<Quirks> };

export const contextOf = (changes: Changes = {}): DecodeContext =>
  decodeContext({ estimatedInputTokens: 77, ...changes });

/** The events of a stream that arrives in the given pieces. */
export function decodePieces(pieces: Iterable<Uint8Array>, changes?: Changes): StreamEvent[] {
  return decodeStream(createStreamDecoder(contextOf(changes), countingIds()), pieces);
}

export const decodeText = (text: string, changes?: Changes): StreamEvent[] =>
  decodePieces([Buffer.from(text)], changes);

/** An event as a server sends it. */
export type ServerEvent = { type: string; [field: string]: unknown };

/** Events as a server streams them. */
export const streamOf = (events: readonly ServerEvent[]): string =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');

export const completed = (output: readonly unknown[] = [], rest: Record<string, unknown> = {}): ServerEvent => ({
  type: 'response.completed',
  response: { id: 'resp_1', status: 'completed', output, ...rest },
});
