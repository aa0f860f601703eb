import type { DocumentBlock, MessagesRequest, SearchResultBlock, TextBlock, ToolReferenceBlock } from './canonical.ts';

/** What blocks say to providers that have no such block. The same everywhere. */

/** Between texts that were separate blocks. */
export const SEPARATOR = '\n\n';
/** Stands in the place of a tool result that the client did not send. */
export const NO_RESULT = '[no result]';
/** Stands in the place of an empty one, which some servers refuse. */
export const NO_OUTPUT = '(no output)';
/** For media in Anthropic's file store, which no other provider can read. */
export const IMAGE_NOT_AVAILABLE = '[image not available]';
export const DOCUMENT_NOT_AVAILABLE = '[document not available]';
/** Asks for the rest where a conversation ends with the beginning of the answer, and the API does not go on with it. */
export const GO_ON =
  'Your last message is the beginning of your answer. Go on exactly where it ends, without repeating or commenting on it.';

/** "text content blocks must contain non-whitespace text" (Anthropic). */
export const isBlank = (text: string): boolean => !/\S/.test(text);

/** A tool result's text where the dialect has no mark for errors. */
export const toolResultText = (text: string, isError: boolean): string =>
  `${isError ? 'Error: ' : ''}${isBlank(text) ? NO_OUTPUT : text}`;

/** A document's title and context; '' where it has neither. */
export const documentHead = ({ title, context }: DocumentBlock): string =>
  [title, context].filter((line) => typeof line === 'string' && line !== '').join('\n');

/** A text behind its head, where it has one. */
export const headed = (head: string, text: string): string =>
  [head, text].filter((part) => part !== '').join(SEPARATOR);

export const documentLink = (url: string): string => `[document at ${url}]`;

export function searchResultText({ title, source, content }: SearchResultBlock): string {
  return `${title}\n${source}${SEPARATOR}${content.map((block) => block.text).join(SEPARATOR)}`;
}

export const toolReferenceText = ({ tool_name }: ToolReferenceBlock): string => `Tool ${tool_name} is available now.`;

/** A system message in the middle of a conversation, for servers that take one only at its beginning. */
export const systemReminder = (text: string): string => `<system-reminder>\n${text}\n</system-reminder>`;

/** Claude Code's first block is for Anthropic's billing: it changes with every version and breaks prompt caches elsewhere. */
const BILLING_BLOCK = 'x-anthropic-billing-header';

/** The system prompt's texts, without empty ones and without what is meant for Anthropic only. */
export function systemBlocks(system: MessagesRequest['system']): readonly TextBlock[] {
  if (typeof system === 'string') return system === '' ? [] : [{ type: 'text', text: system }];
  return (system ?? []).filter(
    (block, index) => block.text !== '' && !(index === 0 && block.text.startsWith(BILLING_BLOCK)),
  );
}
