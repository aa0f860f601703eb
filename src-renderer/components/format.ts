import type { AttemptRow, RequestRow, TokenUsage } from '../../src-shared/requests.ts';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const dayAndClock = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** `at`: Unix time in ms. */
export const formatTime = (at: number): string => clock.format(at);
export const formatDay = (at: number): string => day.format(at);
export const formatMoment = (at: number): string => dayAndClock.format(at);

export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds) % 60} s`.replace(/ 0 s$/, '');
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

export const formatMegabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;

export function formatTokens(usage: TokenUsage): { input: string; output: string } {
  return {
    input: compact.format(usage.input + usage.cacheRead + usage.cacheWrite),
    output: compact.format(usage.output),
  };
}

/** The attempt whose answer the client got, or is most likely to get. */
export function decisiveAttempt(row: RequestRow): AttemptRow | null {
  return row.attempts.find((attempt) => attempt.outcome === 'answered') ?? row.attempts.at(-1) ?? null;
}
