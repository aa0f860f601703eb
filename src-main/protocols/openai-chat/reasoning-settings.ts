import type { MessagesRequest } from '../canonical.ts';
import type { EncodeTarget } from '../codec.ts';
import { effortOf, nearestEffort, type ReasoningEffort } from '../effort.ts';
import { isGptFrom, isOpenaiReasoner } from '../openai-models.ts';

/** Fields of the request; at most one way of saying it, none where the model decides. */
interface ReasoningSettings {
  reasoning_effort?: ReasoningEffort;
  reasoning?: { effort?: ReasoningEffort; max_tokens?: number; enabled?: true; summary?: string };
  thinking?: { type: 'enabled' | 'disabled' };
  enable_thinking?: boolean;
  chat_template_kwargs?: { enable_thinking: boolean };
}

/**
 * How hard the model is told to think.
 * @param offers whether functions are sent along, and whether one must be called.
 * @param limit `max_tokens` as it is sent.
 * @param warnings filled with what could not be had.
 */
export function reasoningSettings(
  request: MessagesRequest,
  target: Pick<EncodeTarget, 'quirks' | 'facts' | 'model'>,
  offers: { tools: boolean; forced: boolean },
  limit: number | undefined,
  warnings: Set<string>,
): ReasoningSettings {
  const { quirks, facts, model } = target;
  if (facts.reasoning === false) return {};
  const wanted = effortOf(request);
  const effort = wanted === undefined ? undefined : nearestEffort(wanted, facts.efforts);
  switch (quirks.reasoningFormat) {
    case 'none':
      return {};
    case 'reasoning_effort': {
      if (quirks.isOpenai && !isOpenaiReasoner(target)) return {};
      // In this dialect they refuse functions beside an effort (LibreChat issue 14231).
      if (quirks.isOpenai && offers.tools && isGptFrom(model, 5, 4)) {
        if (effort !== undefined && effort !== 'none')
          warnings.add(`${model} does not think beside tools in Chat Completions; reasoning_effort is none.`);
        return { reasoning_effort: 'none' };
      }
      return effort === undefined ? {} : { reasoning_effort: effort };
    }
    case 'reasoning':
      return openrouterReasoning(request, effort, limit);
    case 'thinking': {
      const thinks = isThinking(request, wanted);
      // DeepSeek refuses a tool that must be called beside thinking, as Anthropic does.
      if (offers.forced && thinks !== false) {
        if (thinks) warnings.add('The model does not think where it must call a tool; thinking is disabled.');
        return { thinking: { type: 'disabled' } };
      }
      if (thinks === undefined) return {};
      const hasEffort = thinks && facts.efforts !== null && effort !== undefined && effort !== 'none';
      return {
        thinking: { type: thinks ? 'enabled' : 'disabled' },
        ...(hasEffort ? { reasoning_effort: effort } : {}),
      };
    }
    case 'enable_thinking': {
      const thinks = isThinking(request, wanted);
      return thinks === undefined ? {} : { enable_thinking: thinks };
    }
    case 'chat_template_kwargs': {
      const thinks = isThinking(request, wanted);
      return thinks === undefined ? {} : { chat_template_kwargs: { enable_thinking: thinks } };
    }
  }
}

/** Undefined where the request leaves it to the model. */
function isThinking({ thinking }: MessagesRequest, wanted: ReasoningEffort | undefined): boolean | undefined {
  if (wanted !== undefined) return wanted !== 'none';
  return thinking?.type === 'adaptive' || thinking?.type === 'enabled' ? true : undefined;
}

/** The least that a budget for thinking may be, at Anthropic and so at OpenRouter. Tokens. */
const LEAST_BUDGET = 1024;
/** Of all tokens of the answer, at most: as much as OpenRouter gives an effort of `high`. */
const MOST_OF_ANSWER = 0.8;

/** Either an effort or a budget: OpenRouter refuses both, and `enabled: false` beside an effort (claude-code-router 1378, 503). */
function openrouterReasoning(
  { thinking, output_config, openai }: MessagesRequest,
  effort: ReasoningEffort | undefined,
  limit: number | undefined,
): ReasoningSettings {
  const summary = openai?.summary === undefined ? {} : { summary: openai.summary };
  const budget = thinking?.type === 'enabled' ? thinking.budget_tokens : undefined;
  const isSaid = openai?.effort !== undefined || (output_config?.effort ?? undefined) !== undefined;
  const most = Math.floor((limit ?? Number.POSITIVE_INFINITY) * MOST_OF_ANSWER);
  if (!isSaid && budget !== undefined && most >= LEAST_BUDGET)
    return { reasoning: { max_tokens: Math.min(budget, most), ...summary } };
  if (effort !== undefined) return { reasoning: { effort, ...summary } };
  if (thinking?.type === 'adaptive' || thinking?.type === 'enabled')
    return { reasoning: { enabled: true, ...summary } };
  return openai?.summary === undefined ? {} : { reasoning: summary };
}
