import { collectMessage } from '../../src-main/protocols/anthropic/message-collector.ts';
import type { AnswerBlock, StreamEvent } from '../../src-main/protocols/canonical.ts';
import { parseAnthropicSse } from './event-grammar.ts';

/** A streamed answer, read to its end. */
export async function readEvents(response: Response): Promise<{ text: string; events: StreamEvent[] }> {
  const text = await response.text();
  return { text, events: parseAnthropicSse(text) };
}

/** The content blocks that the text of an Anthropic stream describes. */
export function contentOf(text: string): AnswerBlock[] {
  return collectMessage(parseAnthropicSse(text)).content;
}

/** The `error` event of a stream, which must be its last. */
export function errorOf(events: readonly StreamEvent[]): { type: string; message: string } | null {
  const last = events.at(-1);
  return last?.type === 'error' ? last.error : null;
}
