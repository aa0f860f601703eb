import type { ForeignState } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { serverBlockText } from '../server-tools.ts';

/** State that Anthropic gives with what it has found, and wants back (its docs, "Web search tool"): others have none. */
const lacks = (entry: unknown, state: 'encrypted_content' | 'encrypted_index'): boolean =>
  isObject(entry) && (entry[state] === '' || entry[state] === undefined);

const isForeignResult = (block: Readonly<Record<string, unknown>>): boolean =>
  block.type === 'web_search_tool_result' &&
  Array.isArray(block.content) &&
  block.content.some((entry) => lacks(entry, 'encrypted_content'));

const isForeignCitation = (citation: unknown): boolean =>
  isObject(citation) && citation.type === 'web_search_result_location' && lacks(citation, 'encrypted_index');

/** Searches become text, and quotations go; the same array where there are none. */
function withoutForeignSearch(content: readonly unknown[]): readonly unknown[] {
  const searches = new Set(
    content
      .filter(isObject)
      .filter(isForeignResult)
      .map((block) => block.tool_use_id),
  );
  const told = content.map((block) => {
    if (!isObject(block)) return block;
    const isSearch = isForeignResult(block) || (block.type === 'server_tool_use' && searches.has(block.id));
    if (isSearch) return { type: 'text', text: serverBlockText({ ...block, type: String(block.type) }) };
    if (!Array.isArray(block.citations) || !block.citations.some(isForeignCitation)) return block;
    const { citations: _, ...text } = block;
    return text;
  });
  return told.every((block, place) => block === content[place]) ? content : told;
}

const EMPTY_STATES = ['encrypted_content', 'encrypted_index'].flatMap((name) => [`"${name}":""`, `"${name}": ""`]);

/**
 * Web searches of another provider, which has answered in this conversation before: they came without the state that
 * Anthropic checks.
 */
export const foreignSearch: ForeignState = {
  // Most conversations hold none, which one look tells.
  mayBeIn: (raw) => raw.includes('"encrypted_') && EMPTY_STATES.some((field) => raw.includes(field)),
  remove(body) {
    const { messages } = body;
    if (!Array.isArray(messages)) return body;
    const kept = messages.map((message: unknown) => {
      if (!isObject(message) || message.role !== 'assistant' || !Array.isArray(message.content)) return message;
      const content = withoutForeignSearch(message.content);
      return content === message.content ? message : { ...message, content };
    });
    return kept.every((message, place) => message === messages[place]) ? body : { ...body, messages: kept };
  },
};
