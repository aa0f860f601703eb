import { isGptFrom } from '../protocols/openai-models.ts';
import {
  claudeImage,
  fixedImage,
  gptPatches,
  gptTiles,
  type ImageTokens,
  qwenImage,
  usualImage,
} from './image-tokens.ts';
import { featureNames, type PromptFeatures } from './prompt-features.ts';

/** How the models of a family count, before anything is learned of one. */
export interface ModelFamily {
  /** Its tokens for each token of ours. */
  factors: PromptFeatures;
  image: ImageTokens;
  /** What the model is told for there being tools at all. */
  toolUse: number;
}

const factors = (text: number, numbers = text, foreign = text): PromptFeatures => ({
  text,
  numbers,
  foreign,
  tools: text,
  media: 1,
  frame: 1,
});

/** What a tool costs to announce, where it costs something. */
const CLAUDE_TOOL_USE = 346;
const TOOL_USE = 50;

/**
 * Anthropic's tokenizers are not public. The last one that was (Claude 2) gives 1.05 to 1.15 of our tokens for text and 1.4 to 2.3
 * for other scripts; that of Claude 3 to 4.6 is told to give 15 to 20 % more than ours, the one since then "approximately 30
 * percent more" than that (Anthropic, "Token counting"), though hardly more for Chinese and Japanese.
 */
const olderClaude: ModelFamily = {
  factors: factors(1.18, 1.05, 1.4),
  image: claudeImage({ edge: 1568, most: 1568 }),
  toolUse: CLAUDE_TOOL_USE,
};
const newerClaude: ModelFamily = {
  factors: factors(1.5, 1.3, 1.5),
  image: claudeImage({ edge: 2576, most: 4784 }),
  toolUse: CLAUDE_TOOL_USE,
};

/** Our tokenizer is GPT's own, from GPT-4o on. */
const gpt = (image: ImageTokens): ModelFamily => ({ factors: factors(1), image, toolUse: 12 });

const smallGpt = (factor: number): ModelFamily => gpt(gptPatches({ factor, most: () => 1536 }));

/** GPT-5.4 and later take an image in its `original` size where nothing else is said: up to 10,000 patches, GPT-6 any number. */
const latestGpt = (most: number): ModelFamily =>
  gpt(gptPatches({ factor: 1.2, most: (detail) => (detail === 'low' ? 256 : detail === 'high' ? 2500 : most) }));

/** Measured with the models' own tokenizers over code, prose, JSON, logs and four other scripts. */
const measured: readonly (readonly [RegExp, ModelFamily])[] = [
  [/gemini-3/, { factors: factors(1.1, 2.2, 0.85), image: fixedImage(1100), toolUse: TOOL_USE }],
  [/gemini|gemma/, { factors: factors(1.1, 2.2, 0.85), image: fixedImage(258), toolUse: TOOL_USE }],
  [/qwen-?3/, { factors: factors(1.01, 2.2, 0.9), image: qwenImage(32), toolUse: TOOL_USE }],
  [/qwen|qwq|qvq/, { factors: factors(1.01, 2.2, 0.9), image: qwenImage(28), toolUse: TOOL_USE }],
  [/deepseek/, { factors: factors(1.04, 0.95, 0.85), image: usualImage, toolUse: TOOL_USE }],
  [/llama/, { factors: factors(1, 1, 1.05), image: usualImage, toolUse: TOOL_USE }],
];

const unknown: ModelFamily = { factors: factors(1.05), image: usualImage, toolUse: TOOL_USE };

/**
 * What no model's tokenizer stays below, of ours: the most thrifty ones take a tenth less for code and prose, a third less for
 * their own script; vendors write tools more briefly than JSON, and may shrink images to next to nothing.
 */
const LEAST: PromptFeatures = { text: 0.9, numbers: 0.9, foreign: 0.6, tools: 0.5, media: 0.15, frame: 0 };

/** Tokens that a prompt has at least, whoever counts them. */
export function leastTokens(features: PromptFeatures): number {
  return Math.floor(featureNames.reduce((total, name) => total + features[name] * LEAST[name], 0));
}

/** @param model its name at the provider: `claude-opus-5-5`, `openai/gpt-5.6-sol`, `qwen3-coder:30b`. */
export function modelFamily(model: string): ModelFamily {
  const name = model.toLowerCase();
  if (name.includes('claude')) return isOlderClaude(name) ? olderClaude : newerClaude;
  return gptFamily(name) ?? measured.find(([pattern]) => pattern.test(name))?.[1] ?? unknown;
}

/** Opus until 4.6, the others until 4.x: `claude-opus-4-6`, `claude-haiku-4.5`, `claude-3-7-sonnet`. */
function isOlderClaude(name: string): boolean {
  if (/claude-(?:[123]\b|instant|v?[12][.:-]|2)/.test(name)) return true;
  const [, family, major, minor = '0'] =
    /(fable|mythos|opus|sonnet|haiku)-(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?/.exec(name) ?? [];
  if (family === undefined || major === undefined) return false;
  return Number(major) < 4 || (Number(major) === 4 && !(family === 'opus' && Number(minor) >= 7));
}

function gptFamily(name: string): ModelFamily | null {
  const bare = name.slice(name.lastIndexOf('/') + 1);
  if (!/^(?:gpt-|chatgpt|o\d|codex|computer-use)/.test(bare)) return null;
  const isNano = bare.includes('nano');
  if (bare.startsWith('o4-mini')) return smallGpt(1.72);
  if (bare.startsWith('gpt-4o-mini')) return gpt(gptTiles({ base: 2833, tile: 5667 }));
  if (isNano || (bare.includes('mini') && !/^o\d/.test(bare))) return smallGpt(isNano ? 2.46 : 1.62);
  if (/^o\d/.test(bare)) return gpt(gptTiles({ base: 75, tile: 150 }));
  if (isGptFrom(bare, 5, 4)) return latestGpt(isGptFrom(bare, 6, 0) ? Number.POSITIVE_INFINITY : 10_000);
  return gpt(/^gpt-5/.test(bare) ? gptTiles({ base: 70, tile: 140 }) : gptTiles({ base: 85, tile: 170 }));
}
