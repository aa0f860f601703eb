import type { ContentBlock, Message, ToolResultBlock } from './canonical.ts';

/** The result of one tool use; null where the client sent none. */
export interface ToolResult {
  id: string;
  block: ToolResultBlock | null;
}

/** A conversation as other vendors want it: turns alternate, and every tool use has exactly one result right after it. */
export type Turn =
  | {
      role: 'assistant';
      /** No tool use stands twice. */
      blocks: readonly ContentBlock[];
      /** Ids of its tool uses, in order. */
      calls: readonly string[];
    }
  | {
      role: 'user';
      /** One for each tool use of the turn before, in the order of the calls (clients send them as they complete). */
      results: readonly ToolResult[];
      /** The rest, tool results taken out: user messages, and system messages where they stood. */
      messages: readonly { role: 'user' | 'system'; blocks: readonly ContentBlock[] }[];
    };

export const blocksOf = (content: string | readonly ContentBlock[]): readonly ContentBlock[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : content;

/**
 * Puts right what clients do to tool results: several for one call (the first counts), none, one without a call, some in a
 * later message or in another order. Each turn depends on itself and the one before only, so what has been sent stays the
 * same when the conversation grows.
 *
 * @param warnings filled with what was left out or is missing.
 */
export function turnsOf(messages: readonly Message[], warnings: Set<string>): Turn[] {
  const turns: Turn[] = [];
  let index = 0;
  let calls: readonly string[] = [];
  while (index < messages.length) {
    const start = index;
    const assistant = messages[index]?.role === 'assistant';
    while (index < messages.length && (messages[index]?.role === 'assistant') === assistant) index += 1;
    const group = messages.slice(start, index);
    if (assistant) {
      const turn = assistantTurn(group, warnings);
      turns.push(turn);
      calls = turn.calls;
    } else {
      turns.push(userTurn(group, calls, warnings));
      calls = [];
    }
  }
  // A conversation that ends with tool uses has no results for them yet: no vendor takes it without.
  if (calls.length > 0) turns.push(userTurn([], calls, warnings));
  return turns;
}

function assistantTurn(messages: readonly Message[], warnings: Set<string>): Extract<Turn, { role: 'assistant' }> {
  const blocks: ContentBlock[] = [];
  const calls = new Set<string>();
  for (const { content } of messages) {
    for (const block of blocksOf(content)) {
      if (block.type === 'tool_use') {
        if (calls.has(block.id)) {
          warnings.add(`Tool use '${block.id}' stands twice in one turn; the second was left out.`);
          continue;
        }
        calls.add(block.id);
      }
      blocks.push(block);
    }
  }
  return { role: 'assistant', blocks, calls: [...calls] };
}

function userTurn(
  group: readonly Message[],
  calls: readonly string[],
  warnings: Set<string>,
): Extract<Turn, { role: 'user' }> {
  const results = new Map<string, ToolResultBlock>();
  const messages: { role: 'user' | 'system'; blocks: ContentBlock[] }[] = [];
  for (const { role, content } of group) {
    const blocks: ContentBlock[] = [];
    for (const block of blocksOf(content)) {
      if (block.type !== 'tool_result') blocks.push(block);
      else if (!calls.includes(block.tool_use_id))
        warnings.add(`A tool result answers no tool use ('${block.tool_use_id}') and was left out.`);
      else if (results.has(block.tool_use_id))
        warnings.add(`Tool use '${block.tool_use_id}' has several results; the first was sent.`);
      else results.set(block.tool_use_id, block);
    }
    if (blocks.length > 0) messages.push({ role: role === 'system' ? 'system' : 'user', blocks });
  }
  return {
    role: 'user',
    results: calls.map((id) => {
      const block = results.get(id) ?? null;
      if (block === null) warnings.add(`Tool use '${id}' has no result; "[no result]" was sent.`);
      return { id, block };
    }),
    messages,
  };
}
