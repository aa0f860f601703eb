import { readdirSync, readFileSync } from 'node:fs';
import type { StreamEvent } from '../../../../src-main/protocols/canonical.ts';
import type { DecodeContext } from '../../../../src-main/protocols/codec.ts';
import { OllamaStreamDecoder } from '../../../../src-main/protocols/ollama/stream-decoder.ts';
import { packState } from '../../../../src-main/protocols/reasoning-state.ts';
import { countingIds, decodeContext, decodeStream } from '../../../helpers/codec-contexts.ts';

const folder = new URL('../../../fixtures/ollama/', import.meta.url);

/** Names of the streams, without `.ndjson`. */
export const fixtureNames = readdirSync(folder).map((file) => file.replace(/\.ndjson$/, ''));

/** With LF, also where git checked it out with CRLF. */
export const readFixture = (name: string): Buffer =>
  Buffer.from(readFileSync(new URL(`${name}.ndjson`, folder), 'utf8').replaceAll('\r\n', '\n'));

export const context: DecodeContext = decodeContext({
  estimatedInputTokens: 77,
  target: { provider: 'local', model: 'qwen3:8b' },
});

/** What stands in the signature of thinking that this context's model made. */
export const ownSignature = packState({ dialect: 'ollama', provider: 'local', model: 'qwen3:8b', data: null });

/** The events of a stream that arrives in the given pieces. */
export function decodePieces(pieces: Iterable<Uint8Array>, overrides: Partial<DecodeContext> = {}): StreamEvent[] {
  return decodeStream(new OllamaStreamDecoder({ ...context, ...overrides }, countingIds()), pieces);
}

export const decodeText = (text: string, overrides?: Partial<DecodeContext>): StreamEvent[] =>
  decodePieces([Buffer.from(text)], overrides);

/** A stream of messages, and its last line. */
export function streamOf(messages: readonly unknown[], last: Record<string, unknown> = {}): string {
  const lines: unknown[] = messages.map((message) => ({ model: 'm', message, done: false }));
  lines.push({ model: 'm', message: { role: 'assistant', content: '' }, done: true, done_reason: 'stop', ...last });
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}
