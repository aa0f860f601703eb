import type { ContentBlock, MessagesRequest, TextBlock, ToolUseBlock } from '../canonical.ts';
import type { EncodeTarget } from '../codec.ts';
import { GO_ON, NO_RESULT, SEPARATOR, systemBlocks, systemReminder } from '../content-text.ts';
import { isObject } from '../is-object.ts';
import { customInput } from '../openai-settings.ts';
import { stateFor } from '../reasoning-state.ts';
import { otherBlockText } from '../server-tools.ts';
import { sentArguments } from '../tool-input.ts';
import { encodeToolId, encodeToolName } from '../tool-names.ts';
import { type ToolResult, type Turn, turnsOf } from '../turns.ts';
import { type InputPart, inputParts, type PartsContext, toolOutput } from './content-parts.ts';
import { isOwn } from './foreign-reasoning.ts';

/** OpenAI refuses longer ids of calls. Characters. */
const ID_LIMIT = 64;

type OutputPart = { type: 'output_text'; text: string } | { type: 'refusal'; refusal: string };

/** An item of `input`, as far as it is made here. A `reasoning` item goes back as it came. */
type InputItem =
  | { type: 'message'; role: 'user' | 'developer'; content: InputPart[] }
  | { type: 'message'; role: 'assistant'; content: OutputPart[]; phase?: string }
  | { type: 'function_call'; call_id: string; name: string; arguments: string }
  | { type: 'custom_tool_call'; call_id: string; name: string; input: string }
  | { type: 'function_call_output' | 'custom_tool_call_output'; call_id: string; output: string | InputPart[] }
  | Readonly<Record<string, unknown>>;

interface Conversation {
  /** '' where there are none, or where they are the first item of `input`. */
  instructions: string;
  input: InputItem[];
}

interface Context extends PartsContext {
  target: EncodeTarget;
  /** Filled: names that had to change (sent name → the client's own). */
  toolNames: Map<string, string>;
}

/**
 * The conversation as items of the Responses API. Each turn is translated by itself: when a conversation grows, what was
 * sent before stays the same, so prompt caches hold.
 *
 * @param toolNames filled with names that had to change (sent name → the client's own).
 * @param warnings filled with what was lost.
 */
export function encodeConversation(
  request: MessagesRequest,
  target: EncodeTarget,
  toolNames: Map<string, string>,
  warnings: Set<string>,
): Conversation {
  const { quirks, refused, facts } = target;
  const marks = quirks.cacheMarks === 'prompt_cache_breakpoint' && !refused.has('prompt_cache_breakpoint');
  const context: Context = { target, quirks, marks, blind: facts.images === false, toolNames, warnings };
  const input: InputItem[] = [];

  const system = systemBlocks(request.system);
  // `instructions` is one string, which no mark fits in: where one may come, the texts stand apart.
  const asItem = marks && system.length > 0;
  if (asItem) input.push({ type: 'message', role: 'developer', content: inputParts(system, context) });

  const turns = turnsOf(request.messages, warnings);
  const usedIds = new Set<string>();
  let calls: SentCalls = { ids: new Map(), custom: new Set() };
  for (const turn of turns) {
    if (turn.role === 'assistant') {
      const custom = new Set(turn.blocks.flatMap((block) => (isCustomCall(block) ? block.id : [])));
      calls = { ids: sentIds(turn.calls, usedIds), custom };
      input.push(...assistantItems(turn.blocks, calls, context));
    } else {
      pushUserTurn(turn, calls, context, input);
    }
  }
  const last = input.at(-1);
  if (last?.type === 'message' && last.role === 'assistant' && !quirks.takesPrefill) {
    warnings.add('The conversation ends with the beginning of the answer; the model was asked to go on from there.');
    input.push({ type: 'message', role: 'user', content: [{ type: 'input_text', text: GO_ON }] });
  }
  return { instructions: asItem ? '' : system.map((block) => block.text).join(SEPARATOR), input };
}

function isCustomCall(block: ContentBlock): block is ToolUseBlock {
  return block.type === 'tool_use' && block.openai?.custom === true;
}

/** The calls of one turn. */
interface SentCalls {
  /** Ids as they are sent, by the conversation's own. */
  ids: ReadonlyMap<string, string>;
  /** Those of free-text tools. */
  custom: ReadonlySet<string>;
}

/** Some servers count the ids of their calls anew in each answer; here none may stand twice. */
function sentIds(calls: readonly string[], used: Set<string>): ReadonlyMap<string, string> {
  const ids = new Map<string, string>();
  for (const id of calls) {
    const own = encodeToolId(id, ID_LIMIT);
    let sent = own;
    for (let count = 2; used.has(sent); count += 1) sent = encodeToolId(`${own}_${count}`, ID_LIMIT);
    used.add(sent);
    ids.set(id, sent);
  }
  return ids;
}

/** What an assistant turn said and did, in its order. */
function assistantItems(blocks: readonly ContentBlock[], { ids }: SentCalls, context: Context): InputItem[] {
  const { target, toolNames, warnings } = context;
  const items: InputItem[] = [];
  /** The message that text is still added to. */
  let message: { content: OutputPart[]; phase?: string } | null = null;
  const say = (part: OutputPart, phase: string | undefined): void => {
    if (message === null || message.phase !== phase) {
      const begun: InputItem & { content: OutputPart[]; phase?: string } = {
        type: 'message',
        role: 'assistant',
        content: [],
        ...(phase === undefined ? {} : { phase }),
      };
      items.push(begun);
      message = begun;
    }
    message.content.push(part);
  };
  for (const block of blocks) {
    switch (block.type) {
      case 'text':
        if (block.text !== '') say(outputPart(block), block.openai?.phase);
        break;
      case 'thinking':
      case 'redacted_thinking': {
        const item = reasoningItem(block, target);
        if (item === null) break;
        items.push(item);
        message = null;
        break;
      }
      case 'tool_use': {
        const name = encodeToolName(block.name);
        if (name !== block.name) toolNames.set(name, block.name);
        const call_id = ids.get(block.id) ?? block.id;
        items.push(
          block.openai?.custom === true
            ? { type: 'custom_tool_call', call_id, name, input: customInput(block.input) }
            : { type: 'function_call', call_id, name, arguments: sentArguments(block) },
        );
        message = null;
        break;
      }
      default: {
        const said = otherBlockText(block, warnings);
        if (said !== null) say({ type: 'output_text', text: said }, undefined);
      }
    }
  }
  // What it led to never came or cannot be sent: "reasoning was provided without its required following item".
  while (isObject(items.at(-1)) && items.at(-1)?.type === 'reasoning') items.pop();
  return items;
}

const outputPart = ({ text, openai }: TextBlock): OutputPart =>
  openai?.refusal === true ? { type: 'refusal', refusal: text } : { type: 'output_text', text };

/** The reasoning item that a thinking block stands for, where this target made it; else null. */
function reasoningItem(block: ContentBlock, target: EncodeTarget): InputItem | null {
  const { provider, model, quirks } = target;
  const item = stateFor(block, { dialect: 'openai-responses', provider, model })?.data;
  if (!isObject(item) || item.type !== 'reasoning' || !isOwn(item, target)) return null;
  // OpenAI looks up an item without its content by its id, and nothing was stored.
  return quirks.isOpenai && !item.encrypted_content ? null : item;
}

function pushUserTurn(
  { results, messages }: Extract<Turn, { role: 'user' }>,
  calls: SentCalls,
  context: Context,
  input: InputItem[],
): void {
  for (const result of results) input.push(outputItem(result, calls, context));
  const { quirks } = context;
  for (const { role, blocks } of messages) {
    const parts = inputParts(blocks, context);
    if (parts.length === 0) continue;
    if (role === 'system' && !quirks.takesSystemAnywhere && !quirks.isOpenai) {
      for (const part of parts) if (part.type === 'input_text') part.text = systemReminder(part.text);
      input.push({ type: 'message', role: 'user', content: parts });
    } else {
      input.push({ type: 'message', role: role === 'system' ? 'developer' : 'user', content: parts });
    }
  }
}

function outputItem({ id, block }: ToolResult, { ids, custom }: SentCalls, context: Context): InputItem {
  return {
    type: custom.has(id) ? 'custom_tool_call_output' : 'function_call_output',
    call_id: ids.get(id) ?? id,
    output: block === null ? NO_RESULT : toolOutput(block, context),
  };
}
