import type { StreamEvent, Usage } from '../../src-main/protocols/canonical.ts';

/** How an answer begins. */
export const messageStart = (usage: Usage): StreamEvent => ({
  type: 'message_start',
  message: {
    id: 'm',
    type: 'message',
    role: 'assistant',
    model: 'x',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage,
  },
});

/** A text block that arrives in pieces. */
export const textBlock = (index: number, pieces: readonly string[]): StreamEvent[] => [
  { type: 'content_block_start', index, content_block: { type: 'text', text: '' } },
  ...pieces.map((text): StreamEvent => ({ type: 'content_block_delta', index, delta: { type: 'text_delta', text } })),
  { type: 'content_block_stop', index },
];
