import type { AnswerMessage, TextBlock, ToolUseBlock } from '../canonical.ts';
import { SEPARATOR } from '../content-text.ts';
import { customInput } from '../openai-settings.ts';
import { inputText } from '../tool-input.ts';
import {
  type Annotation,
  annotationsOf,
  completionId,
  encodeUsage,
  finishReason,
  unixSeconds,
} from './answer-fields.ts';
import type { AnswerOptions } from './answer-options.ts';
import { type ReasoningDetail, reasoningDetail } from './client-reasoning.ts';

/** What the blocks of an answer add up to: the same as the client would make of its stream. */
interface Collected {
  content: string;
  refusal: string;
  reasoning: string;
  details: ReasoningDetail[];
  annotations: Annotation[];
  logprobs: unknown[];
  calls: ToolUseBlock[];
  /** Another kind of block has come since the last text. */
  broken: boolean;
}

/** A whole answer as a `chat.completion`. @param created Unix time in seconds. */
export function encodeAnswer(message: AnswerMessage, options: AnswerOptions, created = unixSeconds()): string {
  const said = collect(message);
  const refusal = said.refusal || message.stop_details?.explanation || null;
  const isSilent = said.content === '' && (said.calls.length > 0 || refusal !== null);
  const facts = { saidRefusal: said.refusal !== '', legacyFunctions: options.legacyFunctions };
  return JSON.stringify({
    id: completionId(message.id),
    object: 'chat.completion',
    created,
    model: message.model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: isSilent ? null : said.content,
          refusal,
          ...(said.reasoning === '' ? {} : { reasoning_content: said.reasoning }),
          ...(said.details.length === 0 ? {} : { reasoning_details: said.details }),
          ...(said.annotations.length === 0 ? {} : { annotations: said.annotations }),
          ...calls(said.calls, options),
        },
        logprobs: said.logprobs.length === 0 ? null : { content: said.logprobs, refusal: null },
        finish_reason: finishReason(message.stop_reason, facts),
      },
    ],
    usage: encodeUsage(message.usage),
  });
}

function collect({ content }: AnswerMessage): Collected {
  const said: Collected = {
    content: '',
    refusal: '',
    reasoning: '',
    details: [],
    annotations: [],
    logprobs: [],
    calls: [],
    broken: false,
  };
  for (const block of content) {
    switch (block.type) {
      case 'text':
        addText(said, block);
        continue;
      case 'thinking': {
        if (block.thinking !== '' && said.reasoning !== '') said.reasoning += SEPARATOR;
        const start = said.reasoning.length;
        said.reasoning += block.thinking;
        const place = { index: said.details.length, start, end: said.reasoning.length };
        if (block.signature !== '') said.details.push(reasoningDetail(block, place));
        break;
      }
      case 'redacted_thinking': {
        const { length } = said.reasoning;
        said.details.push(reasoningDetail(block, { index: said.details.length, start: length, end: length }));
        break;
      }
      case 'tool_use':
        said.calls.push(block);
        break;
    }
    said.broken = true;
  }
  return said;
}

function addText(said: Collected, { text, openai, citations }: TextBlock): void {
  if (openai?.logprobs !== undefined) said.logprobs.push(...openai.logprobs);
  if (openai?.refusal === true) {
    said.refusal += text;
    return;
  }
  if (text === '') return;
  if (said.broken && said.content !== '') said.content += SEPARATOR;
  said.broken = false;
  const start = said.content.length;
  said.content += text;
  said.annotations.push(
    ...annotationsOf(citations ?? [], { start, end: said.content.length }, said.annotations.length),
  );
}

function calls(blocks: readonly ToolUseBlock[], options: AnswerOptions): Record<string, unknown> {
  const [first] = blocks;
  if (first === undefined) return {};
  if (options.legacyFunctions) return { function_call: functionCall(first) };
  return {
    tool_calls: blocks.map((block) =>
      block.openai?.custom === true || options.customTools.has(block.name)
        ? { id: block.id, type: 'custom', custom: { name: block.name, input: customInput(block.input) } }
        : { id: block.id, type: 'function', function: functionCall(block) },
    ),
  };
}

const functionCall = ({ name, input }: ToolUseBlock): { name: string; arguments: string } => ({
  name,
  arguments: inputText(input),
});
