import { ProxyError } from '../../../src-shared/errors.ts';
import type { ContentBlock, TextBlock } from '../canonical.ts';
import { isBlank } from '../content-text.ts';
import { arrayAt, invalid, objectAt, optionalString, stringAt } from '../openai-checks.ts';
import { fileBlock, imageSource } from '../openai-media.ts';
import { cacheMark } from '../openai-settings.ts';

/** @throws ProxyError `unsupported_content` */
export function unsupported(field: string, reason: string): never {
  throw ProxyError.of('unsupported_content', { field, reason });
}

/**
 * What a message or a tool's output says: a text, or a list of `input_text`, `input_image`, `input_file`, `output_text` and
 * `refusal` parts. Blank texts are dropped.
 *
 * @throws ProxyError `invalid_field`; `unsupported_content` for what only OpenAI could read.
 */
export function contentBlocks(content: unknown, field: string): ContentBlock[] {
  if (typeof content === 'string') return isBlank(content) ? [] : [{ type: 'text', text: content }];
  const blocks: ContentBlock[] = [];
  const parts = arrayAt(content, field);
  for (let index = 0; index < parts.length; index += 1) {
    const block = partBlock(objectAt(parts[index], `${field}[${index}]`), `${field}[${index}]`);
    if (block !== null) blocks.push(block);
  }
  return blocks;
}

/** The same where only text may stand. */
export function textBlocks(content: unknown, field: string): TextBlock[] {
  const blocks = contentBlocks(content, field);
  const texts = blocks.filter((block) => block.type === 'text');
  if (texts.length < blocks.length) invalid(field, 'may hold text only');
  return texts;
}

function partBlock(part: Record<string, unknown>, field: string): ContentBlock | null {
  const mark = cacheMark(part);
  const cache = mark === undefined ? {} : { cache_control: mark };
  switch (part.type) {
    case 'input_text':
    case 'output_text':
    case 'text': {
      const text = stringAt(part.text, `${field}.text`);
      return isBlank(text) ? null : { type: 'text', text, ...cache };
    }
    case 'refusal': {
      const text = stringAt(part.refusal, `${field}.refusal`);
      return isBlank(text) ? null : { type: 'text', text, openai: { refusal: true } };
    }
    case 'input_image':
    case 'computer_screenshot': {
      refuseFileId(part, field);
      const source = imageSource(stringAt(part.image_url, `${field}.image_url`), `${field}.image_url`);
      const detail = optionalString(part.detail, `${field}.detail`);
      return { type: 'image', source, ...cache, ...(detail === undefined ? {} : { openai: { detail } }) };
    }
    case 'input_file': {
      refuseFileId(part, field);
      const filename = optionalString(part.filename, `${field}.filename`);
      const name = typeof part.file_url === 'string' ? 'file_url' : 'file_data';
      return { ...fileBlock(stringAt(part[name], `${field}.${name}`), filename, `${field}.${name}`), ...cache };
    }
    default:
      return unsupported(`${field}.type`, `content of type '${String(part.type)}' cannot be translated`);
  }
}

function refuseFileId(part: Record<string, unknown>, field: string): void {
  if (typeof part.file_id === 'string')
    unsupported(
      `${field}.file_id`,
      "the file lies in OpenAI's file store, where no other provider can read it; send its data or its URL",
    );
}
