import type { EncodeTarget } from './codec.ts';

/** Whether a name is that of a GPT of this version or a later one: `gpt-5.6-terra`, `openai/gpt-6-astra`. */
export function isGptFrom(model: string, major: number, minor: number): boolean {
  const [, ownMajor, ownMinor = '0'] = /(?:^|\/)gpt-(\d+)(?:\.(\d+))?(?![\d.])/.exec(model) ?? [];
  if (ownMajor === undefined) return false;
  return Number(ownMajor) > major || (Number(ownMajor) === major && Number(ownMinor) >= minor);
}

/**
 * Whether Chat Completions refuses function tools at this effort: GPT-5.4 and later at any but `none`, and GPT-5.6 and later
 * also where the request names none, since their own default is one (openai/openai-openapi issue 541, laurent22/joplin
 * pull request 16451).
 * @param effort what the request asks for; null where it does not say.
 */
export function refusesToolsOnChat(model: string, effort: string | null): boolean {
  if (effort === 'none') return false;
  return isGptFrom(model, 5, effort === null ? 6 : 4);
}

/** Models of OpenAI's that think, where the catalogue does not know: `o3`, `gpt-5.6-sol`. */
const REASONING_NAME = /(?:^|\/)(?:o\d|gpt-(?:[5-9]|\d\d))(?!.*-chat)/;

/** Whether OpenAI serves this model with the restrictions of its reasoning models. */
export const isOpenaiReasoner = ({ quirks, facts, model }: Pick<EncodeTarget, 'quirks' | 'facts' | 'model'>): boolean =>
  quirks.isOpenai && (facts.reasoning ?? REASONING_NAME.test(model));
