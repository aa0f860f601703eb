import type { Effort } from '../canonical.ts';

/** The forms of a request's `thinking` field. */
type ThinkingType = 'adaptive' | 'enabled' | 'disabled' | 'between_tools';

/** What a model takes; what it does not take it answers with a 400. */
export interface ModelRules {
  /** Empty: it cannot think. */
  thinking: readonly ThinkingType[];
  /** It thinks where the request says nothing of it. */
  thinksUnasked: boolean;
  /** Of `output_config.effort`; empty: it does not take the field. */
  efforts: readonly Effort[];
  /**
   * `temperature`, `top_p`, `top_k`: all of them as they are, as Anthropic has them, one of the first two only, or none.
   * Beside thinking, Anthropic's models take none.
   */
  sampling: 'any' | 'all' | 'one' | 'none';
  /** `tool_choice` of type `any` and `tool`. */
  forcedTools: boolean;
  /** A conversation that ends with the beginning of the answer. */
  prefill: boolean;
  /** Messages with role `system`, in the middle of the conversation. */
  systemMessages: boolean;
  /** `output_config.format`. */
  schemas: boolean;
  /** Its thinking is given back with the conversation it was made in, or refused ("preserved thinking"). */
  bindsThinking: boolean;
}

/** Servers that are compatible run models of other makers. They ignore what they do not know; a schema they must not. */
const foreignModel: ModelRules = {
  thinking: ['enabled', 'disabled'],
  // Some do: told explicitly, all of them know.
  thinksUnasked: true,
  efforts: ['low', 'medium', 'high', 'xhigh', 'max'],
  sampling: 'any',
  forcedTools: true,
  prefill: true,
  systemMessages: true,
  schemas: false,
  bindsThinking: false,
};

type Family = 'fable' | 'mythos' | 'opus' | 'sonnet' | 'haiku';

/** `claude-opus-4-5-20251101`, `anthropic/claude-sonnet-4.6`, `us.anthropic.claude-haiku-5-5-v1:0`, `claude-3-7-sonnet-latest`. */
const CLAUDE =
  /claude-(?:(?<oldMajor>\d)(?:[-.](?<oldMinor>\d))?-)?(?<family>fable|mythos|opus|sonnet|haiku|instant)(?:-(?<major>\d{1,2})(?!\d)(?:[-.](?<minor>\d{1,2})(?!\d))?)?/;

/** Major version × 100 + minor version. */
function versionOf(groups: Record<string, string | undefined>): number | null {
  const major = groups.major ?? groups.oldMajor;
  if (major === undefined) return null;
  return Number(major) * 100 + Number(groups.minor ?? groups.oldMinor ?? 0);
}

/**
 * The rules of a model, by its name. Sources: Anthropic's pages on thinking, effort, preserved thinking, mid-conversation
 * system messages, structured outputs and tool use, November 2026. A Claude that is not known here is taken for a newer one,
 * and those have refused more with each version; any other name for another maker's.
 */
export function rulesFor(model: string): ModelRules {
  const name = model.toLowerCase();
  if (!name.includes('claude')) return foreignModel;
  const groups = CLAUDE.exec(name)?.groups;
  if (groups === undefined) return claude('fable', 900);
  // Claude 3 Instant and before.
  if (groups.family === 'instant') return claude('haiku', 200);
  const family = groups.family as Family;
  return claude(family, versionOf(groups) ?? (family === 'mythos' ? 500 : 900));
}

type Since = Record<Family, number>;

/** Versions from which on the families take, or do not take any more, what the others always or never did. */
const EFFORT_SINCE: Since = { fable: 500, mythos: 500, opus: 405, sonnet: 406, haiku: 505 };
const SYSTEM_SINCE: Since = { fable: 500, mythos: 500, opus: 408, sonnet: 500, haiku: 505 };
const SCHEMAS_SINCE: Since = { fable: 500, mythos: 500, opus: 401, sonnet: 405, haiku: 405 };
const BOUND_SINCE: Since = { fable: 501, mythos: 501, opus: 505, sonnet: 505, haiku: 505 };
const UNFORCED_SINCE: Since = { fable: 501, mythos: 500, opus: 505, sonnet: 505, haiku: 506 };

function claude(family: Family, version: number): ModelRules {
  return {
    thinking: thinkingOf(family, version),
    thinksUnasked: version >= 500,
    efforts: effortsOf(family, version),
    sampling: version > 406 ? 'none' : version >= 400 ? 'one' : 'all',
    forcedTools: version < UNFORCED_SINCE[family],
    prefill: version < 406,
    systemMessages: version >= SYSTEM_SINCE[family],
    schemas: version >= SCHEMAS_SINCE[family],
    bindsThinking: version >= BOUND_SINCE[family],
  };
}

function thinkingOf(family: Family, version: number): ThinkingType[] {
  if (version < 307) return [];
  if (version < 406) return ['enabled', 'disabled'];
  if (version === 406) return ['adaptive', 'enabled', 'disabled'];
  if (family === 'fable' || family === 'mythos' || (family === 'opus' && version >= 505)) return ['adaptive'];
  return family === 'sonnet' && version >= 505 ? ['adaptive', 'between_tools'] : ['adaptive', 'disabled'];
}

function effortsOf(family: Family, version: number): Effort[] {
  if (version < EFFORT_SINCE[family]) return [];
  if (version < 406) return ['low', 'medium', 'high'];
  return version < 407 ? ['low', 'medium', 'high', 'max'] : ['low', 'medium', 'high', 'xhigh', 'max'];
}
