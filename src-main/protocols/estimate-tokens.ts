import type { ContentBlock, MessagesRequest } from './canonical.ts';
import { promptContent } from './prompt-content.ts';
import type { Turns } from './read-turns.ts';

/** Characters of English text, code and JSON to a token, measured over agent conversations; exact counts are made elsewhere. */
const CHARACTERS_PER_TOKEN = 3.5;
/** What an image of the usual size costs (width × height / 750, at most about 1600). */
export const IMAGE_TOKENS = 1600;
/** A page of a PDF as text and image; how many there are is not known without reading it. */
export const DOCUMENT_TOKENS = 3000;
export const TOKENS_PER_MESSAGE = 4;
/** What a model is told for there being tools at all (Anthropic's page on pricing names 313 to 346 for Claude 4). */
const TOKENS_FOR_TOOL_USE = 350;

const BYTES_PER_TOKEN = 4;

/** A quick estimate from the size of a body alone, for places on the path of every request. */
export function estimateTokensOfBytes(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_TOKEN);
}

/**
 * The same for a body that has been decoded: its images and documents stand in it as base64, of which a model reads nothing.
 * @param bytes of the whole body.
 */
export function estimateTokensOfRequest(bytes: number, { messages }: Pick<MessagesRequest, 'messages'>): number {
  let size = bytes;
  let tokens = 0;
  const addMedia = (content: string | readonly ContentBlock[] | null | undefined): void => {
    if (typeof content !== 'object' || content === null) return;
    for (const block of content) {
      if (block.type === 'tool_result') addMedia(block.content);
      else if ((block.type === 'image' || block.type === 'document') && block.source.type === 'base64') {
        size -= block.source.data.length;
        tokens += block.type === 'image' ? IMAGE_TOKENS : DOCUMENT_TOKENS;
      }
    }
  };
  for (const { content } of messages) addMedia(content);
  return estimateTokensOfBytes(Math.max(0, size)) + tokens;
}

/** An estimate over everything that is counted as input: system, messages, thinking, tools, images. */
export function estimateTokens(request: Pick<MessagesRequest, 'system' | 'messages' | 'tools'>): number {
  const { texts, tools, images, documents, messages } = promptContent(request);
  let characters = 0;
  for (const text of texts) characters += text.length;
  for (const tool of tools) characters += tool.length;
  return (
    Math.ceil(characters / CHARACTERS_PER_TOKEN) +
    images.length * IMAGE_TOKENS +
    documents.length * DOCUMENT_TOKENS +
    messages * TOKENS_PER_MESSAGE +
    (tools.length > 0 ? TOKENS_FOR_TOOL_USE : 0)
  );
}

/** The same from the bytes of a body and what shows of its messages in them. */
export function estimateTokensOfTurns(bytes: number, { images, documents, base64Bytes }: Turns): number {
  return estimateTokensOfBytes(Math.max(0, bytes - base64Bytes)) + images * IMAGE_TOKENS + documents * DOCUMENT_TOKENS;
}

/** Before a value in base64: `"data":"…"` of Anthropic's sources, `data:image/png;base64,…` of OpenAI's. */
const BASE64_BEFORE = [Buffer.from('"data":"'), Buffer.from('"data": "'), Buffer.from(';base64,')];
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Shorter ones weigh nothing beside the rest. */
const LEAST_BASE64 = 1000;

/** The same as of a decoded request, from the bytes alone: whoever wants it has no time to decode them. */
export function estimateTokensOfBody(raw: Buffer): number {
  let size = raw.length;
  let tokens = 0;
  for (const before of BASE64_BEFORE) {
    for (let at = raw.indexOf(before); at !== -1; ) {
      const start = at + before.length;
      const end = raw.indexOf(QUOTE, start);
      if (end === -1) break;
      if (end - start >= LEAST_BASE64 && isBase64(raw.subarray(start, start + LEAST_BASE64))) {
        size -= end - start;
        tokens += IMAGE_TOKENS;
      }
      at = raw.indexOf(before, end);
    }
  }
  return estimateTokensOfBytes(size) + tokens;
}

/** As far as the first bytes tell: no text has a thousand of them without a space, a line's end or a letter of another script. */
const isBase64 = (bytes: Buffer): boolean => bytes.every((byte) => byte > 0x20 && byte < 0x7f && byte !== BACKSLASH);
