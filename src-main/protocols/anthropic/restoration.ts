import type { Restoration } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { turnOf } from '../restore-turns.ts';
import { takenThinking } from './foreign-thinking.ts';
import { isThinkingBlock, NO_THINKING } from './tool-loop.ts';

/**
 * Thinking for every answer that has come back without: DeepSeek refuses such a conversation, whoever gave the answer ("The
 * `content[].thinking` in the thinking mode must be passed back to the API", decolua/9router issue 2397).
 */
export const restoration: Restoration = {
  wantedBy: ({ returnsReasoningContent }) => returnsReasoningContent,
  // Also before one of them calls a tool: what is put into a message later would change what has been sent.
  mayBeNeeded: (raw) => raw.includes('"assistant"'),
  restore(body, target, recall) {
    const { messages } = body;
    if (!Array.isArray(messages)) return { body, turns: 0 };
    let turns = 0;
    let spoke = false;
    const restored = messages.map((message: unknown) => {
      const follows = spoke;
      spoke = isObject(message) && message.role === 'assistant';
      if (!isObject(message) || !spoke || follows) return message;
      const { content } = message;
      const blocks: readonly unknown[] = Array.isArray(content) ? content : [{ type: 'text', text: content }];
      if (isThinkingBlock(blocks[0])) return message;
      const uses = blocks.filter(isToolUse).map(({ id, name, input }) => ({ id: `${id}`, name: `${name}`, input }));
      const remembered = turnOf(uses, target, recall)?.reasoning[''] ?? [];
      const own = remembered.map((block) => takenThinking(block, target)).filter((block) => block !== null);
      if (own.length > 0) turns += 1;
      return { ...message, content: [...(own.length > 0 ? own : [NO_THINKING]), ...blocks] };
    });
    const changed = restored.some((message, place) => message !== messages[place]);
    return changed ? { body: { ...body, messages: restored }, turns } : { body, turns };
  },
};

const isToolUse = (block: unknown): block is Record<string, unknown> => isObject(block) && block.type === 'tool_use';
