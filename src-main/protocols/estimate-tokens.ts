import type { ContentBlock, MessagesRequest } from './canonical.ts';

/** Characters of English text, code and JSON to a token, measured over agent conversations; exact counts are made elsewhere. */
const CHARACTERS_PER_TOKEN = 3.5;
/** What an image of the usual size costs (width × height / 750, at most about 1600). */
const IMAGE_TOKENS = 1600;
/** A page of a PDF as text and image; how many there are is not known without reading it. */
const DOCUMENT_TOKENS = 3000;
const TOKENS_PER_MESSAGE = 4;
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
  let characters = 0;
  let tokens = 0;
  // What may be left out may also be null.
  const addBlocks = (blocks: string | readonly ContentBlock[] | null | undefined): void => {
    if (blocks === undefined || blocks === null) return;
    if (typeof blocks === 'string') {
      characters += blocks.length;
      return;
    }
    for (const block of blocks) {
      switch (block.type) {
        case 'text':
          characters += block.text.length;
          break;
        case 'thinking':
          characters += block.thinking.length;
          break;
        case 'image':
          tokens += IMAGE_TOKENS;
          break;
        case 'document':
          if (block.source.type === 'text') characters += block.source.data.length;
          else tokens += DOCUMENT_TOKENS;
          break;
        case 'tool_result':
          addBlocks(block.content);
          break;
        default:
          characters += JSON.stringify(block).length;
      }
    }
  };
  addBlocks(request.system);
  for (const message of request.messages) {
    tokens += TOKENS_PER_MESSAGE;
    addBlocks(message.content);
  }
  if (request.tools?.length) {
    tokens += TOKENS_FOR_TOOL_USE;
    characters += JSON.stringify(request.tools).length;
  }
  return Math.ceil(characters / CHARACTERS_PER_TOKEN) + tokens;
}
