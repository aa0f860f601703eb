import type { AnswerBlock, AnswerMessage, StreamEvent } from '../../src-main/protocols/canonical.ts';
import { MessageCollector } from '../../src-main/protocols/message-collector.ts';
import { checkEventGrammar, parseAnthropicSse } from './event-grammar.ts';

/** What events describe, whole or not, and the error that ends them. */
export function collect(events: readonly StreamEvent[]): {
  message: AnswerMessage | null;
  error: { type: string; message: string } | null;
} {
  const collector = new MessageCollector();
  for (const event of events) collector.push(event);
  return { message: collector.message, error: errorOf(events) };
}

/**
 * The message that a whole answer's events describe.
 * @throws Error where they end with an error, or too soon.
 */
export function collectMessage(events: readonly StreamEvent[]): AnswerMessage {
  const { message, error } = collect(events);
  if (error !== null) throw new Error(error.message);
  if (message === null || events.at(-1)?.type !== 'message_stop')
    throw new Error('the answer ended before it was finished');
  return message;
}

/** A streamed answer, read to its end. */
export async function readEvents(response: Response): Promise<{ text: string; events: StreamEvent[] }> {
  const text = await response.text();
  return { text, events: parseAnthropicSse(text) };
}

/** The message that an answer is, streamed or whole. */
export async function readMessage(response: Response): Promise<AnswerMessage> {
  if (response.headers.get('content-type')?.includes('json')) return (await response.json()) as AnswerMessage;
  const { events } = await readEvents(response);
  const problems = checkEventGrammar(events);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return collectMessage(events);
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
