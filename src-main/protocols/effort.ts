import type { MessagesRequest } from './canonical.ts';

/** How hard a model is to think, as all dialects together name it; from the least to the most. */
export const reasoningEfforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;
export type ReasoningEffort = (typeof reasoningEfforts)[number];

export const isEffort = (value: unknown): value is ReasoningEffort =>
  reasoningEfforts.some((effort) => effort === value);

/**
 * The effort a request asks for; undefined where it leaves that to the model. An explicit effort wins over a token budget;
 * thinking that is off wins over both.
 */
export function effortOf({ thinking, output_config, openai }: MessagesRequest): ReasoningEffort | undefined {
  if (isEffort(openai?.effort)) return openai.effort;
  if (thinking?.type === 'disabled' || thinking?.type === 'between_tools') return 'none';
  if (output_config?.effort) return output_config.effort;
  if (thinking?.type !== 'enabled' || thinking.budget_tokens === undefined) return undefined;
  if (thinking.budget_tokens <= 8192) return 'low';
  if (thinking.budget_tokens <= 16_384) return 'medium';
  return thinking.budget_tokens <= 32_768 ? 'high' : 'xhigh';
}

/** The offered effort that is nearest to the wanted one, rather less than more; the wanted one where nothing is known. */
export function nearestEffort(
  wanted: ReasoningEffort,
  offered: readonly ReasoningEffort[] | null,
): ReasoningEffort | undefined {
  if (offered === null || offered.includes(wanted)) return wanted;
  const place = reasoningEfforts.indexOf(wanted);
  const byDistance = [...offered].sort((a, b) => distance(a, place) - distance(b, place));
  return byDistance[0];
}

const distance = (effort: ReasoningEffort, place: number): number => {
  const away = reasoningEfforts.indexOf(effort) - place;
  return away > 0 ? away + 0.5 : -away;
};
