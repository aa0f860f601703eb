import type { ContentBlock, DocumentBlock, ImageBlock, SearchResultBlock, ToolResultBlock } from '../canonical.ts';

export type TextPart = { type: 'text'; text: string };
export type MediaPart =
  | { type: 'image_url'; image_url: { url: string } }
  | { type: 'file'; file: { filename: string; file_data: string } };
export type Part = TextPart | MediaPart;

/** Between texts that were separate blocks. */
export const SEPARATOR = '\n\n';

const text = (value: string): TextPart => ({ type: 'text', text: value });

/** What a user turn or a tool result says, as parts of a user message. Empty texts are dropped: some servers refuse them. */
export function contentParts(content: string | readonly ContentBlock[], warnings: Set<string>): Part[] {
  if (typeof content === 'string') return content === '' ? [] : [text(content)];
  const parts: Part[] = [];
  for (const block of content) {
    switch (block.type) {
      case 'text':
        if (block.text !== '') parts.push(text(block.text));
        break;
      case 'image':
        parts.push(imagePart(block, warnings));
        break;
      case 'document':
        parts.push(...documentParts(block, warnings));
        break;
      case 'search_result':
        parts.push(text(searchResultText(block)));
        break;
      case 'tool_reference':
        parts.push(text(`Tool ${block.tool_name} is available now.`));
        break;
      default:
        warnings.add(`A content block of type '${block.type}' has no counterpart and was left out.`);
    }
  }
  return parts;
}

function imagePart({ source }: ImageBlock, warnings: Set<string>): Part {
  switch (source.type) {
    case 'base64':
      return { type: 'image_url', image_url: { url: `data:${source.media_type};base64,${source.data}` } };
    case 'url':
      return { type: 'image_url', image_url: { url: source.url } };
    default:
      warnings.add("An image lies in Anthropic's file store, where other providers cannot read it.");
      return text('[image not available]');
  }
}

function documentParts(block: DocumentBlock, warnings: Set<string>): Part[] {
  const { source } = block;
  const head = [block.title, block.context].filter((line) => typeof line === 'string' && line !== '').join('\n');
  const headed = (body: string) => text(head === '' ? body : `${head}${SEPARATOR}${body}`);
  switch (source.type) {
    case 'text':
      return source.data === '' && head === '' ? [] : [headed(source.data)];
    case 'content':
      return [...(head === '' ? [] : [text(head)]), ...contentParts(source.content, warnings)];
    case 'base64': {
      const file_data = `data:${source.media_type};base64,${source.data}`;
      const file: Part = { type: 'file', file: { filename: block.title || 'document.pdf', file_data } };
      return block.context ? [text(block.context), file] : [file];
    }
    case 'url':
      warnings.add(
        'A document is known only by its URL, which Chat Completions cannot fetch; the URL was sent as text.',
      );
      return [headed(`[document at ${source.url}]`)];
    default:
      warnings.add("A document lies in Anthropic's file store, where other providers cannot read it.");
      return [headed('[document not available]')];
  }
}

function searchResultText({ title, source, content }: SearchResultBlock): string {
  const body = content.map((block) => block.text).join(SEPARATOR);
  return `${title}\n${source}${SEPARATOR}${body}`;
}

/** Parts as the content of one message: a plain string where there is only text, which every server takes. */
export function joinParts(parts: readonly Part[]): string | Part[] {
  const onlyText = parts.every((part) => part.type === 'text');
  return onlyText ? parts.map((part) => part.text).join(SEPARATOR) : [...parts];
}

/**
 * A tool result's text, and what it holds besides: tool messages are text only, so images and files follow in the next user
 * message, each behind its mark. `media` collects them for the whole turn, which numbers the marks.
 */
export function toolResultText(block: ToolResultBlock, media: MediaPart[], warnings: Set<string>): string {
  const texts = contentParts(block.content ?? '', warnings).map((part) => {
    if (part.type === 'text') return part.text;
    media.push(part);
    return `[${mark(part, media.length)} follows]`;
  });
  const result = texts.join(SEPARATOR) || '(no output)';
  return block.is_error === true ? `Error: ${result}` : result;
}

/** The media of a turn's tool results, each behind its mark. */
export function markedMedia(media: readonly MediaPart[]): Part[] {
  return media.flatMap((part, index) => [text(`[${mark(part, index + 1)}]`), part]);
}

function mark(part: MediaPart, number: number): string {
  return `${part.type === 'file' ? 'document' : 'image'} #${number}`;
}
