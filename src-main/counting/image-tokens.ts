import type { ImageSize } from './image-size.ts';

/** What an image of a known size costs a model. */
export type ImageTokens = (size: ImageSize, detail: string | undefined) => number;

const shrunk = ({ width, height }: ImageSize, factor: number): ImageSize =>
  factor < 1 ? { width: Math.max(1, width * factor), height: Math.max(1, height * factor) } : { width, height };

const longEdgeWithin = (size: ImageSize, edge: number): ImageSize =>
  shrunk(size, edge / Math.max(size.width, size.height));

const patches = ({ width, height }: ImageSize, edge: number): number =>
  Math.ceil(width / edge) * Math.ceil(height / edge);

/** Patches of an image that is shrunk as little as needed to have no more than so many, cut ones counted. */
function patchesWithin(size: ImageSize, edge: number, most: number): number {
  if (patches(size, edge) <= most) return patches(size, edge);
  let fits = 0;
  let tooLarge = 1;
  for (let step = 0; step < 24; step += 1) {
    const factor = (fits + tooLarge) / 2;
    if (patches(shrunk(size, factor), edge) <= most) fits = factor;
    else tooLarge = factor;
  }
  return patches(shrunk(size, fits), edge);
}

/** The same by OpenAI's rule: shrunk to the area of so many, and then to whole ones in one direction. */
function wholePatchesWithin(size: ImageSize, edge: number, most: number): number {
  if (patches(size, edge) <= most) return patches(size, edge);
  const area = shrunk(size, Math.sqrt((most * edge * edge) / (size.width * size.height)));
  const [across, down] = [area.width / edge, area.height / edge];
  const factor = Math.min(Math.max(1, Math.floor(across)) / across, Math.max(1, Math.floor(down)) / down);
  // Whole numbers must not become a little more by division.
  return Math.min(most, Math.ceil(across * factor - 1e-6) * Math.ceil(down * factor - 1e-6));
}

/**
 * Claude sees squares of 28 pixels, a token each, of an image shrunk to its longest edge and its most tokens (Anthropic, "Vision":
 * 1568 pixels and 1568 tokens; 2576 and 4784 from Opus 4.7 on).
 */
export const claudeImage =
  ({ edge, most }: { edge: number; most: number }): ImageTokens =>
  (size) =>
    patchesWithin(longEdgeWithin(size, edge), 28, most);

/**
 * GPT-4o, 4.1, 4.5, GPT-5 and o1, o3: within 2048 pixels, the short edge shrunk to 768, a base and so many tokens for each square
 * of 512; `low` is the base alone (OpenAI, "Images and vision").
 */
export const gptTiles =
  ({ base, tile }: { base: number; tile: number }): ImageTokens =>
  (size, detail) => {
    if (detail === 'low') return base;
    const fitted = longEdgeWithin(size, 2048);
    const sharp = shrunk(fitted, 768 / Math.min(fitted.width, fitted.height));
    return base + tile * patches(sharp, 512);
  };

/** Later and small GPTs: squares of 32 pixels, within a budget that depends on `detail`, times a factor (the same page). */
export const gptPatches =
  ({ factor, most }: { factor: number; most: (detail: string | undefined) => number }): ImageTokens =>
  (size, detail) =>
    Math.ceil(wholePatchesWithin(size, 32, most(detail)) * factor);

/** Qwen-VL: squares of so many pixels, each a token (Qwen2-VL's model card: at most 16384). */
export const qwenImage =
  (edge: number): ImageTokens =>
  (size) =>
    patchesWithin(size, edge, 16_384);

/** Gemini and Gemma give every image the same number. */
export const fixedImage =
  (tokens: number): ImageTokens =>
  () =>
    tokens;

/** Where nothing is known. */
export const usualImage: ImageTokens = ({ width, height }) => Math.min(1600, Math.ceil((width * height) / 750));
