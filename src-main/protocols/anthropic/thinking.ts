import type { Effort, MessagesRequest } from '../canonical.ts';
import type { EncodeTarget } from '../codec.ts';
import { effortOf, isEffort, nearestEffort, type ReasoningEffort } from '../effort.ts';
import type { ModelRules } from './model-rules.ts';
import { CALLED_WITHOUT_THINKING } from './tool-loop.ts';

/** How a request has the model think. */
export interface ThinkingPlan {
  /** The request's `thinking`; undefined where the model is left to itself. */
  field: Record<string, unknown> | undefined;
  /** `output_config.effort` */
  effort: Effort | undefined;
  /** The model thinks, or may. */
  on: boolean;
}

interface Circumstances {
  /** `max_tokens`, as it is sent. */
  limit: number;
  /** A tool call without thinking waits for its answer: manual thinking cannot be on. */
  calledWithoutThinking: boolean;
  /** A call of a tool is demanded, which goes with no kind of thinking. */
  demandsTool: boolean;
}

/** Tokens, where thinking is told its budget. */
const BUDGETS: Record<Effort, number> = { low: 1024, medium: 4096, high: 10_000, xhigh: 24_000, max: 32_000 };
export const SMALLEST_BUDGET = 1024;
/** Thinking counts to the answer's limit: of a small one this part at most. */
export const LARGEST_SHARE = 0.75;

/**
 * What a request says of thinking, as far as the model takes it.
 * @param warnings filled with what could not be had.
 */
export function planThinking(
  request: MessagesRequest,
  rules: ModelRules,
  { facts, refused }: Pick<EncodeTarget, 'facts' | 'refused'>,
  circumstances: Circumstances,
  warnings: Set<string>,
): ThinkingPlan {
  const wanted = effortOf(request);
  const explicit = isEffort(request.openai?.effort) ? request.openai.effort : request.output_config?.effort;
  const efforts = takenEfforts(rules, facts.efforts, refused);
  const effort = sentEffort(explicit, efforts);
  const none = { field: undefined, effort, on: rules.thinksUnasked };
  if (rules.thinking.length === 0 || facts.reasoning === false) {
    if (wanted !== undefined && wanted !== 'none') warnings.add('The model cannot think; it was not asked to.');
    return { field: undefined, effort: undefined, on: false };
  }
  if (refused.has('thinking')) return none;
  const asked = request.thinking?.type;
  const summary = request.openai?.summary;
  if (wanted === 'none')
    return thinkingOff(rules, request.thinking?.type === 'between_tools', efforts, explicit, warnings);
  const wants = wanted !== undefined || asked === 'adaptive' || asked === 'enabled' || (summary ?? 'none') !== 'none';
  if (!wants) {
    if (circumstances.demandsTool && rules.thinksUnasked && rules.forcedTools && rules.thinking.includes('disabled'))
      return thinkingOff(rules, false, efforts, explicit, warnings);
    return none;
  }
  const display = request.thinking?.display ?? 'summarized';
  const manual = asked === 'enabled' || !rules.thinking.includes('adaptive');
  if (manual && rules.thinking.includes('enabled')) {
    const budget = budgetOf(request, wanted ?? 'medium', circumstances.limit);
    if (budget >= SMALLEST_BUDGET && !circumstances.calledWithoutThinking)
      return { field: { type: 'enabled', budget_tokens: budget }, effort, on: true };
    if (!rules.thinking.includes('adaptive')) {
      warnings.add(
        budget < SMALLEST_BUDGET
          ? `max_tokens leaves no room for thinking (${SMALLEST_BUDGET} tokens at least); it was switched off.`
          : CALLED_WITHOUT_THINKING,
      );
      return thinkingOff(rules, false, efforts, explicit, new Set());
    }
  }
  // A budget says how hard to think as well as it can.
  const adaptiveEffort = effort ?? (asked === 'enabled' ? sentEffort(wanted, efforts) : undefined);
  return { field: { type: 'adaptive', display }, effort: adaptiveEffort, on: true };
}

function thinkingOff(
  rules: ModelRules,
  betweenTools: boolean,
  efforts: readonly Effort[],
  explicit: ReasoningEffort | undefined,
  warnings: Set<string>,
): ThinkingPlan {
  const { thinking } = rules;
  const type =
    betweenTools && thinking.includes('between_tools')
      ? 'between_tools'
      : (['disabled', 'between_tools'] as const).find((each) => thinking.includes(each));
  if (type === undefined) {
    warnings.add('The model always thinks; it was asked for the least.');
    return { field: undefined, effort: sentEffort('low', efforts), on: true };
  }
  // With it off, more is refused.
  const calm = efforts.filter((effort) => effort !== 'xhigh' && effort !== 'max');
  const effort = explicit === 'none' ? undefined : sentEffort(explicit, calm);
  if (type === 'disabled' && !rules.thinksUnasked) return { field: undefined, effort, on: false };
  return { field: { type }, effort, on: type !== 'disabled' };
}

function takenEfforts(
  { efforts }: ModelRules,
  known: readonly ReasoningEffort[] | null,
  refused: ReadonlySet<string>,
): readonly Effort[] {
  if (refused.has('output_config') || refused.has('output_config.effort')) return [];
  return known === null ? efforts : efforts.filter((effort) => known.includes(effort));
}

function sentEffort(wanted: ReasoningEffort | undefined, efforts: readonly Effort[]): Effort | undefined {
  if (wanted === undefined || wanted === 'none' || efforts.length === 0) return undefined;
  return nearestEffort(wanted, efforts) as Effort | undefined;
}

function budgetOf({ thinking }: MessagesRequest, wanted: ReasoningEffort, limit: number): number {
  const effort = sentEffort(wanted, ['low', 'medium', 'high', 'xhigh', 'max']) ?? 'low';
  return Math.min(thinking?.budget_tokens ?? BUDGETS[effort], Math.floor(limit * LARGEST_SHARE));
}
