import { deepseek } from './deepseek.ts';
import { deepseekDsml } from './deepseek-dsml.ts';
import type { ToolMarkup } from './format.ts';
import { glm } from './glm.ts';
import { hermes } from './hermes.ts';
import { bareKimi, kimi } from './kimi.ts';
import { llama } from './llama.ts';
import { mistral } from './mistral.ts';
import { bareQwenCoder, qwenCoder } from './qwen-coder.ts';

const formats: readonly ToolMarkup[] = [
  hermes,
  qwenCoder,
  glm,
  bareQwenCoder,
  deepseek,
  ...deepseekDsml,
  kimi,
  bareKimi,
  mistral,
  llama,
];

/** The formats by what they begin with. */
export const toolMarkup: ReadonlyMap<string, readonly ToolMarkup[]> = Map.groupBy(formats, ({ open }) => open);
export const toolOpenings: readonly string[] = [...toolMarkup.keys()];
