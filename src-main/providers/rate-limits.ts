import type { RateLimitView } from '../../src-shared/control.ts';
import type { ReceivedHeaders } from './received-headers.ts';

interface Facts {
  limit: number | null;
  remaining: number | null;
  used: number | null;
  resetsAt: number | null;
}

/**
 * What an answer's headers say of limits: Anthropic's (`anthropic-ratelimit-tokens-remaining` …), its subscriptions'
 * (`anthropic-ratelimit-unified-5h-utilization` …), and those of OpenAI and who copies it (`x-ratelimit-remaining-requests`, or
 * OpenRouter's `x-ratelimit-remaining`).
 *
 * @param headers names in lower case. @param now Unix time in ms.
 */
export function rateLimitsIn(headers: ReceivedHeaders, now: number): RateLimitView[] {
  const byName = new Map<string, Facts>();
  for (const header in headers) {
    const value = headers[header];
    if (typeof value !== 'string') continue;
    const part = partOf(header);
    if (part === null) continue;
    const facts = byName.get(part.name) ?? { limit: null, remaining: null, used: null, resetsAt: null };
    byName.set(part.name, facts);
    if (part.field === 'resetsAt') facts.resetsAt = resetTime(value, now);
    else facts[part.field] = numberIn(value);
  }
  return [...byName]
    .filter(([, { limit, remaining, used }]) => limit !== null || remaining !== null || used !== null)
    .map(([name, facts]) => ({ name, ...facts, used: facts.used ?? usedPart(facts) }));
}

/** No limit lasts longer. What says so counts in another unit, or is wrong, and a key would rest for good. */
export const LONGEST_WAIT_MS = 366 * 86_400_000;

/** The time at which a limit that is used up begins anew; null where none is, or no time is told. */
export function resetOfSpent(headers: ReceivedHeaders, now: number): number | null {
  const spent = rateLimitsIn(headers, now).filter(
    ({ remaining, used }) => remaining === 0 || (used !== null && used >= 1),
  );
  const times = spent.flatMap(({ resetsAt }) => resetsAt ?? []).filter((time) => time > now);
  return times.length === 0 ? null : Math.max(...times);
}

function partOf(header: string): { name: string; field: keyof Facts } | null {
  const anthropic = /^anthropic-(?:ratelimit|priority)-(?:unified-)?(.+)-(limit|remaining|reset|utilization)$/.exec(
    header,
  );
  if (anthropic !== null) return { name: anthropic[1] ?? '', field: FIELDS[anthropic[2] ?? ''] ?? 'limit' };
  const openai = /^x-ratelimit-(limit|remaining|reset)(?:-(.+))?$/.exec(header);
  return openai === null ? null : { name: openai[2] ?? 'requests', field: FIELDS[openai[1] ?? ''] ?? 'limit' };
}

const FIELDS: Readonly<Record<string, keyof Facts>> = {
  limit: 'limit',
  remaining: 'remaining',
  reset: 'resetsAt',
  utilization: 'used',
};

function usedPart({ limit, remaining }: Facts): number | null {
  if (limit === null || remaining === null || limit <= 0) return null;
  return Math.min(1, Math.max(0, 1 - remaining / limit));
}

function numberIn(text: string): number | null {
  const number = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(number) && number >= 0 ? number : null;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A reset as vendors write it: a date (Anthropic), seconds or milliseconds of Unix time (subscriptions, OpenRouter), seconds from
 * now, or a span such as `6m0s` and `2m59.56s` (OpenAI, Groq). Unix time in ms; null where it is none of these, or further off than any limit.
 */
export function resetTime(text: string, now: number): number | null {
  const time = timeIn(text.trim(), now);
  return time !== null && time - now <= LONGEST_WAIT_MS ? time : null;
}

function timeIn(trimmed: string, now: number): number | null {
  const number = numberIn(trimmed);
  if (number !== null) {
    if (number > 1e12) return number;
    return number > 1e9 ? number * 1000 : now + number * 1000;
  }
  if (/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(trimmed)) {
    let span = 0;
    for (const [, amount, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g))
      span += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
    return now + span;
  }
  const date = /^\d{4}-\d{2}-\d{2}T/.test(trimmed) ? Date.parse(trimmed) : Number.NaN;
  return Number.isNaN(date) ? null : date;
}
