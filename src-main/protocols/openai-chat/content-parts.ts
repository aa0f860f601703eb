import type { ContentBlock, DocumentBlock, ImageBlock, ToolResultBlock } from '../canonical.ts';
import type { EncodeTarget } from '../codec.ts';
import {
  DOCUMENT_NOT_AVAILABLE,
  documentHead,
  documentLink,
  headed,
  IMAGE_NOT_AVAILABLE,
  SEPARATOR,
  searchResultText,
  toolReferenceText,
  toolResultText,
} from '../content-text.ts';
import { otherBlockText } from '../server-tools.ts';
import type { CacheMark, CacheMarks } from './cache-marks.ts';

export type TextPart = { type: 'text'; text: string } & CacheMark;
export type MediaPart = (
  | { type: 'image_url'; image_url: { url: string; detail?: string } }
  | { type: 'file'; file: { filename: string; file_data: string } }
) &
  CacheMark;
export type Part = TextPart | MediaPart;

/** What the translation of content needs besides the content. */
export interface ContentContext {
  target: EncodeTarget;
  /** Null where what comes out is not sent as parts. */
  marks: CacheMarks | null;
  /** Filled: what was lost. */
  warnings: Set<string>;
}

const text = (value: string): TextPart => ({ type: 'text', text: value });

/** What a user turn or a tool result says, as parts of a user message. Empty texts are dropped: some servers refuse them. */
export function contentParts(blocks: readonly ContentBlock[], context: ContentContext): Part[] {
  const parts: Part[] = [];
  for (const block of blocks) {
    const own = partsOf(block, context);
    const last = own.at(-1);
    if (last !== undefined && 'cache_control' in block) context.marks?.mark(last, block.cache_control);
    parts.push(...own);
  }
  return parts;
}

function partsOf(block: ContentBlock, context: ContentContext): Part[] {
  switch (block.type) {
    case 'text':
      return block.text === '' ? [] : [text(block.text)];
    case 'image':
      return [imagePart(block, context)];
    case 'document':
      return documentParts(block, context);
    case 'search_result':
      return [text(searchResultText(block))];
    case 'tool_reference':
      return [text(toolReferenceText(block))];
    default: {
      const past = otherBlockText(block, context.warnings);
      return past === null ? [] : [text(past)];
    }
  }
}

function imagePart({ source, openai }: ImageBlock, { target, warnings }: ContentContext): Part {
  if (target.facts.images === false) {
    warnings.add('The model cannot read images; they were left out.');
    return text(IMAGE_NOT_AVAILABLE);
  }
  const detail = openai?.detail === undefined ? {} : { detail: openai.detail };
  switch (source.type) {
    case 'base64':
      return { type: 'image_url', image_url: { url: `data:${source.media_type};base64,${source.data}`, ...detail } };
    case 'url':
      return { type: 'image_url', image_url: { url: source.url, ...detail } };
    default:
      warnings.add("An image lies in Anthropic's file store, where other providers cannot read it.");
      return text(IMAGE_NOT_AVAILABLE);
  }
}

function documentParts(block: DocumentBlock, context: ContentContext): Part[] {
  const { source } = block;
  const head = documentHead(block);
  switch (source.type) {
    case 'text':
      return source.data === '' && head === '' ? [] : [text(headed(head, source.data))];
    case 'content': {
      const inside: readonly ContentBlock[] =
        typeof source.content === 'string' ? [{ type: 'text', text: source.content }] : source.content;
      return [...(head === '' ? [] : [text(head)]), ...contentParts(inside, context)];
    }
    case 'base64': {
      const file_data = `data:${source.media_type};base64,${source.data}`;
      const file: Part = { type: 'file', file: { filename: block.title || 'document.pdf', file_data } };
      return block.context ? [text(block.context), file] : [file];
    }
    case 'url':
      context.warnings.add(
        'A document is known only by its URL, which Chat Completions cannot fetch; the URL was sent as text.',
      );
      return [text(headed(head, documentLink(source.url)))];
    default:
      context.warnings.add("A document lies in Anthropic's file store, where other providers cannot read it.");
      return [text(headed(head, DOCUMENT_NOT_AVAILABLE))];
  }
}

/**
 * Parts as the content of one message: a plain string where there is only text, which every server takes. Servers that take
 * marks take parts; they get them whether one is marked or not, since marks move from turn to turn and the prompt must not.
 */
export function joinParts<One extends Part>(parts: readonly One[], { quirks }: EncodeTarget): string | One[] {
  const texts = quirks.cacheMarks === 'none' ? parts.flatMap((part) => (part.type === 'text' ? part.text : [])) : [];
  return texts.length > 0 && texts.length === parts.length ? texts.join(SEPARATOR) : [...parts];
}

/**
 * A tool result's text, and what it holds besides: tool messages are text only, so images and files follow in the next user
 * message, each behind its number. `media` collects them for the whole turn, which numbers them.
 */
export function toolResultPart(block: ToolResultBlock, media: MediaPart[], context: ContentContext): TextPart {
  const content = typeof block.content === 'string' ? [{ type: 'text' as const, text: block.content }] : block.content;
  const texts = contentParts(content ?? [], { ...context, marks: null }).map((part) => {
    if (part.type === 'text') return part.text;
    media.push(part);
    return `[${label(part, media.length)} follows]`;
  });
  return text(toolResultText(texts.join(SEPARATOR), block.is_error === true));
}

/** The media of a turn's tool results, each behind its number. */
export function numberedMedia(media: readonly MediaPart[]): Part[] {
  return media.flatMap((part, index) => [text(`[${label(part, index + 1)}]`), part]);
}

function label(part: MediaPart, number: number): string {
  return `${part.type === 'file' ? 'document' : 'image'} #${number}`;
}
