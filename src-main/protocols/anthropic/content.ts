import type {
  CacheControl,
  ContentBlock,
  DocumentBlock,
  ImageBlock,
  TextBlock,
  ToolResultBlock,
} from '../canonical.ts';
import type { EncodeTarget } from '../codec.ts';
import {
  DOCUMENT_NOT_AVAILABLE,
  documentHead,
  headed,
  IMAGE_NOT_AVAILABLE,
  isBlank,
  NO_OUTPUT,
  NO_RESULT,
  searchResultText,
  toolReferenceText,
} from '../content-text.ts';
import { otherBlockText } from '../server-tools.ts';

/** A block as it is sent. */
export interface SentBlock {
  type: string;
  cache_control?: CacheControl;
  [field: string]: unknown;
}

/** What the translation of content needs besides the content. */
export interface ContentContext {
  target: EncodeTarget;
  /** Filled: what was lost. */
  warnings: Set<string>;
}

const marked = (mark: CacheControl | null | undefined): { cache_control?: CacheControl } =>
  mark ? { cache_control: mark } : {};

/** A text, or nothing where it is blank. */
export function textBlocks(text: string, mark?: CacheControl | null): SentBlock[] {
  return isBlank(text) ? [] : [{ type: 'text', text, ...marked(mark) }];
}

/** Kinds of citations that can be given back; a search result's only with the state Anthropic gave it. */
const CITATIONS = new Set(['char_location', 'page_location', 'content_block_location', 'search_result_location']);

/** A text of the model's own, which may quote. */
export function saidBlocks({ text, cache_control, citations }: TextBlock): SentBlock[] {
  const blocks = textBlocks(text, cache_control);
  const [block] = blocks;
  if (block === undefined || !citations?.length) return blocks;
  const known = citations.every((citation) => CITATIONS.has(citation.type) || Boolean(citation.encrypted_index));
  if (known) block.citations = citations;
  return blocks;
}

/** What a user says. */
export function userBlocks(blocks: readonly ContentBlock[], context: ContentContext): SentBlock[] {
  return blocks.flatMap((block) => userBlock(block, context));
}

function userBlock(block: ContentBlock, context: ContentContext): SentBlock[] {
  switch (block.type) {
    case 'text':
      return textBlocks(block.text, block.cache_control);
    case 'image':
      return imageBlocks(block, context);
    case 'document':
      return documentBlocks(block, context);
    case 'search_result': {
      const content = block.content.flatMap(({ text, cache_control }) => textBlocks(text, cache_control));
      return content.length > 0 ? [{ ...block, content }] : textBlocks(searchResultText(block));
    }
    case 'tool_reference':
      // As it is, it may name deferred tools only.
      return textBlocks(toolReferenceText(block));
    default: {
      const past = otherBlockText(block, context.warnings);
      return past === null ? [] : textBlocks(past);
    }
  }
}

const IMAGE_TYPES = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);

/** Ids in Anthropic's file store; in another vendor's a file cannot be read. */
const isOwnFile = (id: string): boolean => id.startsWith('file_');

function imageBlocks(block: ImageBlock, { target, warnings }: ContentContext): SentBlock[] {
  const { openai: _, ...image } = block;
  const { source, cache_control } = image;
  const missing = (why: string): SentBlock[] => {
    warnings.add(why);
    return textBlocks(IMAGE_NOT_AVAILABLE, cache_control);
  };
  if (target.facts.images === false) return missing('The model cannot read images; they were left out.');
  if (source.type === 'file' && !isOwnFile(source.file_id))
    return missing("An image lies in another provider's file store, where this one cannot read it.");
  if (source.type === 'base64' && !IMAGE_TYPES.has(source.media_type))
    return missing(`Images of type '${source.media_type}' cannot be read; one was left out.`);
  return [image];
}

function documentBlocks(block: DocumentBlock, context: ContentContext): SentBlock[] {
  const { source, cache_control } = block;
  const missing = (why: string): SentBlock[] => {
    context.warnings.add(why);
    return textBlocks(headed(documentHead(block), DOCUMENT_NOT_AVAILABLE), cache_control);
  };
  switch (source.type) {
    case 'file':
      if (!isOwnFile(source.file_id))
        return missing("A document lies in another provider's file store, where this one cannot read it.");
      break;
    case 'base64':
      if (source.media_type !== 'application/pdf')
        return missing(`Documents of type '${source.media_type}' cannot be read; one was left out.`);
      break;
    case 'text':
      if (isBlank(source.data)) return textBlocks(documentHead(block), cache_control);
      break;
    case 'content': {
      const given = source.content;
      const content =
        typeof given === 'string'
          ? textBlocks(given)
          : userBlocks(given, context).filter(({ type }) => type === 'text' || type === 'image');
      if (content.length === 0) return textBlocks(documentHead(block), cache_control);
      return [{ ...block, source: { type: 'content', content } }];
    }
  }
  return [{ ...block }];
}

/**
 * One tool use's result. Errors are texts only, and never empty: "all content must be type `text` if `is_error` is true".
 * @param id as it is sent.
 * @param block null where the client sent none.
 */
export function toolResult(id: string, block: ToolResultBlock | null, context: ContentContext): SentBlock {
  if (block === null) return { type: 'tool_result', tool_use_id: id, content: NO_RESULT, is_error: true };
  const isError = block.is_error === true;
  const given = block.content ?? '';
  const content = typeof given === 'string' ? textBlocks(given) : userBlocks(given, context);
  if (content.length === 0) content.push({ type: 'text', text: NO_OUTPUT });
  const flagged = isError && content.every(({ type }) => type === 'text');
  if (isError && !flagged) content.unshift({ type: 'text', text: 'Error:' });
  return {
    type: 'tool_result',
    tool_use_id: id,
    content: onlyText(content) ?? content,
    ...(flagged ? { is_error: true } : {}),
    ...marked(block.cache_control),
  };
}

/**
 * The text of a content that is nothing else, as every server takes it; null for any other. Clients have it now as a text, now
 * as a list, as their marks for the cache move on.
 */
function onlyText([first, second]: readonly SentBlock[]): string | null {
  if (second !== undefined || first?.type !== 'text' || first.cache_control !== undefined) return null;
  return String(first.text);
}
