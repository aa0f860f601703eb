import type { AnswerBlock, AnswerMessage, BlockDelta, StreamEvent, TextBlock, Usage } from './canonical.ts';
import { toolInput } from './tool-input.ts';

/** Collects canonical events into the message they describe. */
export class MessageCollector {
  #message: AnswerMessage | null = null;
  #inputJson = '';

  /** What has been collected so far; null before `message_start`. A tool's input is there once its block has ended. */
  get message(): AnswerMessage | null {
    return this.#message;
  }

  push(event: StreamEvent): void {
    switch (event.type) {
      case 'message_start':
        this.#message = { ...event.message, content: [], usage: { ...event.message.usage } };
        break;
      case 'content_block_start':
        this.#inputJson = '';
        this.#message?.content.push({ ...event.content_block });
        break;
      case 'content_block_delta':
        this.#add(this.#message?.content[event.index], event.delta);
        break;
      case 'content_block_stop':
        this.#closeBlock(this.#message?.content[event.index]);
        break;
      case 'message_delta':
        if (this.#message !== null)
          Object.assign(this.#message, event.delta, { usage: merged(this.#message.usage, event.usage) });
        break;
    }
  }

  #add(block: AnswerBlock | undefined, delta: BlockDelta): void {
    if (delta.type === 'input_json_delta') this.#inputJson += delta.partial_json;
    else if (delta.type === 'text_delta' && block?.type === 'text') addText(block, delta);
    else if (delta.type === 'citations_delta' && block?.type === 'text')
      block.citations = [...(block.citations ?? []), delta.citation];
    else if (delta.type === 'thinking_delta' && block?.type === 'thinking') block.thinking += delta.thinking;
    else if (delta.type === 'signature_delta' && block?.type === 'thinking') block.signature = delta.signature;
  }

  #closeBlock(block: AnswerBlock | undefined): void {
    if ((block?.type === 'tool_use' || block?.type === 'server_tool_use') && this.#inputJson !== '')
      block.input = toolInput(this.#inputJson);
    this.#inputJson = '';
  }
}

function addText(block: TextBlock, { text, openai }: Extract<BlockDelta, { type: 'text_delta' }>): void {
  block.text += text;
  if (openai?.logprobs !== undefined)
    block.openai = { ...block.openai, logprobs: [...(block.openai?.logprobs ?? []), ...openai.logprobs] };
}

/** Later counts overwrite earlier ones where they are given. */
function merged(before: Usage, after: Usage): Usage {
  const given = Object.entries(after).filter(([, value]) => value !== null && value !== undefined);
  return { ...before, ...Object.fromEntries(given) };
}
