import type { DocumentBlock, ImageBlock, MessagesRequest } from '../protocols/canonical.ts';
import { DOCUMENT_TOKENS, IMAGE_TOKENS, TOKENS_PER_MESSAGE } from '../protocols/estimate-tokens.ts';
import { promptContent } from '../protocols/prompt-content.ts';
import type { TextCounter } from './count-text.ts';
import { imageSize } from './image-size.ts';
import { type ModelFamily, modelFamily } from './model-family.ts';
import { pdfPages } from './pdf-pages.ts';
import type { PromptFeatures } from './prompt-features.ts';

/** Around a call and around its result: their names and ids. */
const TOKENS_PER_STEP = 8;
/** Before the answer. */
const TOKENS_PER_ANSWER = 3;

/** @param model whose formulas hold for images and tools. */
export function countPrompt(request: MessagesRequest, model: string, counter: TextCounter): PromptFeatures {
  const family = modelFamily(model);
  const content = promptContent(request);
  const features: PromptFeatures = { text: 0, numbers: 0, foreign: 0, tools: 0, media: 0, frame: 0 };
  for (const text of content.texts) {
    const tokens = counter.count(text);
    features.text += tokens.text;
    features.numbers += tokens.numbers;
    features.foreign += tokens.foreign;
  }
  for (const tool of content.tools) {
    const { text, numbers, foreign } = counter.count(tool);
    features.tools += text + numbers + foreign;
  }
  for (const image of content.images) features.media += imageTokens(image, family);
  for (const document of content.documents) features.media += documentTokens(document);
  features.frame =
    TOKENS_PER_ANSWER +
    content.messages * TOKENS_PER_MESSAGE +
    content.steps * TOKENS_PER_STEP +
    (content.tools.length > 0 ? family.toolUse : 0);
  return features;
}

/** One that the vendor fetches itself is taken for a usual one. */
function imageTokens({ source, openai }: ImageBlock, family: ModelFamily): number {
  const size = source.type === 'base64' ? imageSize(source.data) : null;
  return size === null ? IMAGE_TOKENS : family.image(size, openai?.detail);
}

const documentTokens = ({ source }: DocumentBlock): number =>
  (source.type === 'base64' ? pdfPages(source.data) : 1) * DOCUMENT_TOKENS;
