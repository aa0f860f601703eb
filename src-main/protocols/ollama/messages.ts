import type { ContentBlock, DocumentBlock, ImageBlock, MessagesRequest } from '../canonical.ts';
import type { EncodeTarget } from '../codec.ts';
import {
  DOCUMENT_NOT_AVAILABLE,
  documentHead,
  documentLink,
  headed,
  IMAGE_NOT_AVAILABLE,
  NO_RESULT,
  SEPARATOR,
  searchResultText,
  systemBlocks,
  systemReminder,
  toolReferenceText,
  toolResultText,
} from '../content-text.ts';
import { stateFor } from '../reasoning-state.ts';
import { otherBlockText } from '../server-tools.ts';
import { inputObject } from '../tool-input.ts';
import { encodeToolId, encodeToolName } from '../tool-names.ts';
import { type Turn, turnsOf } from '../turns.ts';

/** Arguments are an object, not its JSON. */
interface ToolCall {
  id: string;
  function: { name: string; arguments: Record<string, unknown> };
}

/** `images` are base64 without a `data:` prefix. */
type OllamaMessage =
  | { role: 'system'; content: string }
  | { role: 'user'; content: string; images?: string[] }
  | { role: 'assistant'; content: string; thinking?: string; tool_calls?: ToolCall[] }
  | { role: 'tool'; content: string; images?: string[]; tool_name: string; tool_call_id: string };

/** What the conversation's translation needs besides the conversation. */
interface ConversationContext {
  target: EncodeTarget;
  /** Filled: names that had to change (sent name → the client's own). */
  toolNames: Map<string, string>;
  /** Filled: what was lost. */
  warnings: Set<string>;
}

/**
 * The conversation as Ollama's messages. Each turn is translated by itself: when a conversation grows, what was sent before
 * stays the same, so what the server has computed of it can be used again. One that ends with the assistant is continued
 * there, as the beginning of the answer.
 * @param instruction stands at the end of the system prompt; '' where there is none.
 */
export function encodeMessages(
  request: MessagesRequest,
  instruction: string,
  context: ConversationContext,
): OllamaMessage[] {
  const encoded: OllamaMessage[] = [];
  const system = [...systemBlocks(request.system).map(({ text }) => text), instruction].filter((text) => text !== '');
  if (system.length > 0) encoded.push({ role: 'system', content: system.join(SEPARATOR) });
  let names: ReadonlyMap<string, string> = new Map();
  for (const turn of turnsOf(request.messages, context.warnings)) {
    if (turn.role === 'assistant') names = encodeAssistantTurn(turn, context, encoded);
    else encodeUserTurn(turn, names, context, encoded);
  }
  return encoded;
}

/** Returns the names of the called tools by the ids of the calls. */
function encodeAssistantTurn(
  { blocks }: Extract<Turn, { role: 'assistant' }>,
  { target, toolNames, warnings }: ConversationContext,
  encoded: OllamaMessage[],
): ReadonlyMap<string, string> {
  const { provider, model } = target;
  const texts: string[] = [];
  const thoughts: string[] = [];
  const calls: ToolCall[] = [];
  const names = new Map<string, string>();
  for (const block of blocks) {
    switch (block.type) {
      case 'text':
        if (block.text !== '') texts.push(block.text);
        break;
      case 'thinking':
        // The model's own: its template knows which of it is still of use. Another's would be words in its mouth.
        if (block.thinking !== '' && stateFor(block, { dialect: 'ollama', provider, model }) !== null)
          thoughts.push(block.thinking);
        break;
      case 'redacted_thinking':
        break;
      case 'tool_use': {
        const name = encodeToolName(block.name);
        if (name !== block.name) toolNames.set(name, block.name);
        names.set(block.id, name);
        calls.push({
          id: encodeToolId(block.id, Number.POSITIVE_INFINITY),
          function: { name, arguments: inputObject(block.input) },
        });
        break;
      }
      default: {
        const past = otherBlockText(block, warnings);
        if (past !== null) texts.push(past);
      }
    }
  }
  if (texts.length > 0 || thoughts.length > 0 || calls.length > 0)
    encoded.push({
      role: 'assistant',
      content: texts.join(SEPARATOR),
      ...(thoughts.length > 0 ? { thinking: thoughts.join(SEPARATOR) } : {}),
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
    });
  return names;
}

function encodeUserTurn(
  { results, messages }: Extract<Turn, { role: 'user' }>,
  names: ReadonlyMap<string, string>,
  context: ConversationContext,
  encoded: OllamaMessage[],
): void {
  for (const { id, block } of results) {
    const { text, images } = contentOf(block?.content ?? '', context);
    encoded.push({
      role: 'tool',
      content:
        block === null
          ? NO_RESULT
          : toolResultText(text || (images.length > 0 ? '[image]' : ''), block.is_error === true),
      ...(images.length > 0 ? { images } : {}),
      tool_name: names.get(id) ?? '',
      tool_call_id: encodeToolId(id, Number.POSITIVE_INFINITY),
    });
  }
  let texts: string[] = [];
  let images: string[] = [];
  const flush = () => {
    if (texts.length > 0 || images.length > 0)
      encoded.push({ role: 'user', content: texts.join(SEPARATOR), ...(images.length > 0 ? { images } : {}) });
    texts = [];
    images = [];
  };
  for (const { role, blocks } of messages) {
    const content = contentOf(blocks, context);
    if (role === 'user') {
      if (content.text !== '') texts.push(content.text);
      images.push(...content.images);
    } else if (content.text !== '') {
      if (context.target.quirks.takesSystemAnywhere) {
        flush();
        encoded.push({ role: 'system', content: content.text });
      } else {
        texts.push(systemReminder(content.text));
      }
    }
  }
  flush();
}

interface Content {
  text: string;
  images: string[];
}

/** What a message or a tool result says. Images stand before the text, whatever the order was: Ollama has no other. */
function contentOf(content: string | readonly ContentBlock[], context: ConversationContext): Content {
  if (typeof content === 'string') return { text: content, images: [] };
  const texts: string[] = [];
  const images: string[] = [];
  for (const block of content) {
    switch (block.type) {
      case 'text':
        texts.push(block.text);
        break;
      case 'image': {
        const { data, text } = imageOf(block, context);
        if (data !== null) images.push(data);
        texts.push(text);
        break;
      }
      case 'document':
        texts.push(documentText(block, images, context));
        break;
      case 'search_result':
        texts.push(searchResultText(block));
        break;
      case 'tool_reference':
        texts.push(toolReferenceText(block));
        break;
      default:
        texts.push(otherBlockText(block, context.warnings) ?? '');
    }
  }
  return { text: texts.filter((text) => text !== '').join(SEPARATOR), images };
}

/** The image, or the text in its place. */
function imageOf(
  { source }: ImageBlock,
  { target, warnings }: ConversationContext,
): { data: string | null; text: string } {
  if (target.facts.images === false) {
    warnings.add('The model cannot see images; they were left out.');
    return { data: null, text: IMAGE_NOT_AVAILABLE };
  }
  switch (source.type) {
    case 'base64':
      return { data: source.data, text: '' };
    case 'url':
      warnings.add('An image is known only by its URL, which Ollama does not fetch; the URL was sent as text.');
      return { data: null, text: `[image at ${source.url}]` };
    default:
      warnings.add("An image lies in Anthropic's file store, where other providers cannot read it.");
      return { data: null, text: IMAGE_NOT_AVAILABLE };
  }
}

/** @param images filled with those that stand in the document. */
function documentText(block: DocumentBlock, images: string[], context: ConversationContext): string {
  const { source } = block;
  const head = documentHead(block);
  switch (source.type) {
    case 'text':
      return headed(head, source.data);
    case 'content': {
      const content = contentOf(source.content, context);
      images.push(...content.images);
      return headed(head, content.text);
    }
    case 'url':
      context.warnings.add(
        'A document is known only by its URL, which Ollama does not fetch; the URL was sent as text.',
      );
      return headed(head, documentLink(source.url));
    case 'base64':
      context.warnings.add('Ollama takes no documents; of this one only its title was sent.');
      return headed(head, DOCUMENT_NOT_AVAILABLE);
    default:
      context.warnings.add("A document lies in Anthropic's file store, where other providers cannot read it.");
      return headed(head, DOCUMENT_NOT_AVAILABLE);
  }
}
