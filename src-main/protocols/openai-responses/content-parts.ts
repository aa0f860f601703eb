import type { CacheControl, ContentBlock, DocumentBlock, ImageBlock, ToolResultBlock } from '../canonical.ts';
import type { Quirks } from '../codec.ts';
import {
  DOCUMENT_NOT_AVAILABLE,
  documentHead,
  headed,
  IMAGE_NOT_AVAILABLE,
  isBlank,
  SEPARATOR,
  searchResultText,
  toolReferenceText,
  toolResultText,
} from '../content-text.ts';
import { type Breakpoint, breakpoint } from '../openai-fields.ts';
import { otherBlockText } from '../server-tools.ts';

type TextPart = { type: 'input_text'; text: string; prompt_cache_breakpoint?: Breakpoint };
export type InputPart =
  | TextPart
  | {
      type: 'input_image';
      detail: string;
      image_url?: string;
      file_id?: string;
      prompt_cache_breakpoint?: Breakpoint;
    }
  | {
      type: 'input_file';
      filename?: string;
      file_data?: string;
      file_url?: string;
      file_id?: string;
      prompt_cache_breakpoint?: Breakpoint;
    };

export interface PartsContext {
  quirks: Quirks;
  /** `cache_control` becomes `prompt_cache_breakpoint`. */
  marks: boolean;
  /** The model is known to read no images. */
  blind: boolean;
  /** Filled: what was lost. */
  warnings: Set<string>;
}

const text = (value: string): TextPart => ({ type: 'input_text', text: value });

/** What a user or system message or a tool result says. Empty texts are dropped: some servers refuse them. */
export function inputParts(content: string | readonly ContentBlock[], context: PartsContext): InputPart[] {
  if (typeof content === 'string') return content === '' ? [] : [text(content)];
  const parts: InputPart[] = [];
  for (const block of content) {
    const before = parts.length;
    pushParts(block, parts, context);
    if (parts.length > before && 'cache_control' in block) markLast(parts, block.cache_control, context);
  }
  return parts;
}

function pushParts(block: ContentBlock, parts: InputPart[], context: PartsContext): void {
  switch (block.type) {
    case 'text':
      if (block.text !== '') parts.push(text(block.text));
      break;
    case 'image':
      parts.push(imagePart(block, context));
      break;
    case 'document':
      parts.push(...documentParts(block, context));
      break;
    case 'search_result':
      parts.push(text(searchResultText(block)));
      break;
    case 'tool_reference':
      parts.push(text(toolReferenceText(block)));
      break;
    default: {
      const said = otherBlockText(block, context.warnings);
      if (said !== null) parts.push(text(said));
    }
  }
}

/** Marks the end of what a block has become. */
function markLast(parts: InputPart[], cache: CacheControl | null | undefined, { marks }: PartsContext): void {
  const last = parts.at(-1);
  if (marks && cache && last !== undefined) last.prompt_cache_breakpoint = breakpoint(cache);
}

function imagePart({ source, openai }: ImageBlock, { quirks, blind, warnings }: PartsContext): InputPart {
  if (blind) {
    warnings.add('The model reads no images; each was replaced by a note.');
    return text(IMAGE_NOT_AVAILABLE);
  }
  const detail = openai?.detail ?? 'auto';
  switch (source.type) {
    case 'base64':
      return { type: 'input_image', detail, image_url: `data:${source.media_type};base64,${source.data}` };
    case 'url':
      return { type: 'input_image', detail, image_url: source.url };
    default:
      if (isOwnFile(source.file_id, quirks)) return { type: 'input_image', detail, file_id: source.file_id };
      warnings.add("An image lies in another provider's file store, where this one cannot read it.");
      return text(IMAGE_NOT_AVAILABLE);
  }
}

/** OpenAI's file ids begin like this, Anthropic's with `file_`. */
const isOwnFile = (id: string, { isOpenai }: Quirks): boolean => isOpenai && id.startsWith('file-');

function documentParts(block: DocumentBlock, context: PartsContext): InputPart[] {
  const { source } = block;
  const head = documentHead(block);
  const introduced = (part: InputPart): InputPart[] => (head === '' ? [part] : [text(head), part]);
  switch (source.type) {
    case 'text':
      return source.data === '' && head === '' ? [] : [text(headed(head, source.data))];
    case 'content':
      return [...(head === '' ? [] : [text(head)]), ...inputParts(source.content, context)];
    case 'base64': {
      const file_data = `data:${source.media_type};base64,${source.data}`;
      const file: InputPart = { type: 'input_file', filename: fileName(block.title, source.media_type), file_data };
      return block.context ? [text(block.context), file] : [file];
    }
    case 'url':
      return introduced({ type: 'input_file', file_url: source.url });
    default:
      if (isOwnFile(source.file_id, context.quirks)) return introduced({ type: 'input_file', file_id: source.file_id });
      context.warnings.add("A document lies in another provider's file store, where this one cannot read it.");
      return [text(headed(head, DOCUMENT_NOT_AVAILABLE))];
  }
}

/** OpenAI tells a file's kind by the ending of its name. */
function fileName(title: string | null | undefined, mediaType: string): string {
  const name = title || 'document';
  return mediaType === 'application/pdf' && !/\.pdf$/i.test(name) ? `${name}.pdf` : name;
}

/**
 * A tool result's `output`: one string where it is only text, which every server takes. Where places for the cache are
 * marked it is always a list, so that a mark that moves on changes nothing else.
 */
export function toolOutput(block: ToolResultBlock, context: PartsContext): string | InputPart[] {
  const isError = block.is_error === true;
  const given = inputParts(block.content ?? '', context);
  const texts = given.flatMap((part) => (part.type === 'input_text' ? part.text : []));
  const isText = texts.length === given.length;
  if (isText && !context.marks) return toolResultText(texts.join(SEPARATOR), isError);
  const parts = isText && texts.every(isBlank) ? [] : given;
  const first = parts[0];
  if (first === undefined) parts.push(text(toolResultText('', isError)));
  else if (isError && first.type === 'input_text') first.text = toolResultText(first.text, true);
  else if (isError) parts.unshift(text('Error:'));
  markLast(parts, block.cache_control, context);
  return parts;
}
