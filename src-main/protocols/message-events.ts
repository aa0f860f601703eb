import type { AnswerBlock, AnswerMessage, StreamEvent } from './canonical.ts';
import { inputText } from './tool-input.ts';

/**
 * A whole answer as the events that its stream would have given, so that there is one way to encode an answer. Fields and
 * block types that are not typed here stay where they are.
 */
export function messageEvents(message: AnswerMessage): StreamEvent[] {
  const { stop_reason, stop_sequence, stop_details, usage } = message;
  const delta = { stop_reason, stop_sequence, ...(stop_details ? { stop_details } : {}) };
  return [
    {
      type: 'message_start',
      message: {
        ...message,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        ...(stop_details ? { stop_details: null } : {}),
        usage: { ...usage, output_tokens: 0 },
      },
    },
    ...message.content.flatMap(blockEvents),
    { type: 'message_delta', delta, usage },
    { type: 'message_stop' },
  ];
}

function blockEvents(block: AnswerBlock, index: number): StreamEvent[] {
  const events = (
    content_block: AnswerBlock,
    ...deltas: Extract<StreamEvent, { type: 'content_block_delta' }>['delta'][]
  ): StreamEvent[] => [
    { type: 'content_block_start', index, content_block },
    ...deltas.map((delta): StreamEvent => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ];
  switch (block.type) {
    case 'text': {
      const { citations, ...text } = block;
      const quoting = citations?.length ? { citations: [] } : citations === undefined ? {} : { citations };
      return events(
        { ...text, ...quoting, text: '' },
        ...(block.text === '' ? [] : [{ type: 'text_delta' as const, text: block.text }]),
        ...(citations ?? []).map((citation) => ({ type: 'citations_delta' as const, citation })),
      );
    }
    case 'thinking':
      return events(
        { ...block, thinking: '', signature: '' },
        ...(block.thinking === '' ? [] : [{ type: 'thinking_delta' as const, thinking: block.thinking }]),
        ...(block.signature === '' ? [] : [{ type: 'signature_delta' as const, signature: block.signature }]),
      );
    case 'tool_use':
    case 'server_tool_use':
      // Clients read a tool's input from the deltas only, not from the start.
      return events({ ...block, input: {} }, { type: 'input_json_delta', partial_json: inputText(block.input) });
    default:
      return events(block);
  }
}
