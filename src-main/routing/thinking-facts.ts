import { isObject } from '../protocols/is-object.ts';
import type { FieldRange } from '../protocols/json-envelope.ts';
import type { RequestBody } from '../protocols/request-body.ts';

/** Whether and how hard the model is asked to think. */
export interface ThinkingFacts {
  readonly thinking: boolean;
  readonly effort: string | null;
}

/**
 * As the three protocols say it: `thinking.type` and `output_config.effort` (Anthropic), `reasoning_effort` (Chat Completions),
 * `reasoning.effort` (Responses, OpenRouter). An effort in the last message that has one counts for what comes after it, before
 * that of the whole request.
 */
export function readThinking(body: RequestBody, outputConfig: FieldRange | null): ThinkingFacts {
  const thinking = body.setting('thinking');
  const reasoning = body.setting('reasoning');
  const effort =
    effortIn(outputConfig === null ? undefined : body.settingAt(outputConfig)) ??
    effortIn(body.setting('output_config')) ??
    word(body.setting('reasoning_effort')) ??
    effortIn(reasoning);
  const kind = isObject(thinking) ? thinking.type : undefined;
  if (kind === 'disabled') return { thinking: false, effort };
  return { thinking: kind === 'enabled' || kind === 'adaptive' || reasons(body, reasoning), effort };
}

/** Whether OpenAI's fields ask for it. */
function reasons(body: RequestBody, reasoning: unknown): boolean {
  const effort = word(body.setting('reasoning_effort')) ?? effortIn(reasoning);
  if (effort !== null) return effort !== 'none';
  if (!isObject(reasoning) || reasoning.enabled === false) return false;
  return reasoning.enabled === true || Number(reasoning.max_tokens) > 0 || word(reasoning.summary) !== null;
}

const effortIn = (value: unknown): string | null => (isObject(value) ? word(value.effort) : null);

/** A setting is a short word. */
const word = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' && value.length <= 32 ? value : null;
