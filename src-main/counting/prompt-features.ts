/**
 * What a prompt is made of, in tokens of the o200k tokenizer. Models differ in each of these by a factor of its own, which is
 * what learning finds.
 */
export interface PromptFeatures {
  /** Words, code and signs, of thinking and tool calls too. */
  text: number;
  /** Numbers: some tokenizers take up to three digits for one token, some a single one. */
  numbers: number;
  /** Other scripts than Latin. */
  foreign: number;
  /** Definitions of tools, as JSON; vendors write them in their own ways. */
  tools: number;
  /** Images and pages, by the vendor's formula where there is one. */
  media: number;
  /** What stands around messages, calls and tools. */
  frame: number;
}

export const featureNames = ['text', 'numbers', 'foreign', 'tools', 'media', 'frame'] as const;
