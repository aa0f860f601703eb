import { ProxyError } from '../../../src-shared/errors.ts';
import type { CacheControl, ContentBlock, DocumentBlock, ImageBlock, TextBlock } from '../canonical.ts';
import { isBlank } from '../content-text.ts';
import { arrayAt, invalid, objectAt, optionalString, stringAt } from '../openai-checks.ts';
import { fileBlock, imageSource } from '../openai-media.ts';
import { cacheMark } from '../openai-settings.ts';

/** Content parts of Chat Completions messages as blocks. Blank texts are dropped: Anthropic refuses them. */

type MarkedBlock = Extract<ContentBlock, { cache_control?: CacheControl }>;

/** Puts a cache mark on the last block, where it has none of its own. */
export function markLast<Block extends MarkedBlock>(blocks: Block[], holder: Record<string, unknown>): Block[] {
  const mark = cacheMark(holder);
  const last = blocks.at(-1);
  if (mark !== undefined && last !== undefined) last.cache_control ??= mark;
  return blocks;
}

/** A text, or the texts among parts. Parts of any other type are an error. */
export function textBlocks(content: unknown, field: string): TextBlock[] {
  return blocksOf(content, field, textBlock);
}

function textBlock(part: Record<string, unknown>, field: string): TextBlock {
  if (part.type !== 'text') invalid(`${field}.type`, "must be 'text'");
  return { type: 'text', text: stringAt(part.text, `${field}.text`) };
}

/** What the model said: texts, and refusals as texts. */
export function assistantBlocks(content: unknown, field: string): TextBlock[] {
  return blocksOf(content, field, (part, place) =>
    part.type === 'refusal' ? refusalBlock(stringAt(part.refusal, `${place}.refusal`)) : textBlock(part, place),
  );
}

export const refusalBlock = (text: string): TextBlock => ({ type: 'text', text, openai: { refusal: true } });

/** What a user said, or a tool gave: texts, images and files. */
export function userBlocks(content: unknown, field: string): (TextBlock | ImageBlock | DocumentBlock)[] {
  return blocksOf(content, field, userBlock);
}

function userBlock(part: Record<string, unknown>, field: string): TextBlock | ImageBlock | DocumentBlock {
  switch (part.type) {
    case 'text':
      return textBlock(part, field);
    case 'image_url': {
      const image = objectAt(part.image_url, `${field}.image_url`);
      const source = imageSource(stringAt(image.url, `${field}.image_url.url`), `${field}.image_url.url`);
      const detail = optionalString(image.detail, `${field}.image_url.detail`);
      return detail === undefined ? { type: 'image', source } : { type: 'image', source, openai: { detail } };
    }
    case 'file': {
      const file = objectAt(part.file, `${field}.file`);
      const title = optionalString(file.filename, `${field}.file.filename`);
      if (typeof file.file_id !== 'string')
        return fileBlock(stringAt(file.file_data, `${field}.file.file_data`), title, `${field}.file.file_data`);
      const source = { type: 'file' as const, file_id: file.file_id };
      return title === undefined ? { type: 'document', source } : { type: 'document', source, title };
    }
    default: {
      const type = stringAt(part.type, `${field}.type`);
      throw ProxyError.of('unsupported_content', {
        field: `${field}.type`,
        reason: `parts of type '${type}' cannot be translated for this model`,
      });
    }
  }
}

function blocksOf<Block extends MarkedBlock>(
  content: unknown,
  field: string,
  read: (part: Record<string, unknown>, field: string) => Block | TextBlock,
): (Block | TextBlock)[] {
  if (typeof content === 'string') return isBlank(content) ? [] : [{ type: 'text', text: content }];
  if (content !== undefined && content !== null && !Array.isArray(content))
    invalid(field, 'must be a string or an array of content parts');
  const blocks: (Block | TextBlock)[] = [];
  for (const [index, value] of arrayAt(content, field).entries()) {
    const place = `${field}[${index}]`;
    const part = objectAt(value, place);
    const block = read(part, place);
    if (block.type === 'text' && isBlank(block.text)) continue;
    blocks.push(...markLast([block], part));
  }
  return blocks;
}
