import type { HealthView, KeyView, ModelListView, ProviderView, RateLimitView } from '../../src-shared/control.ts';
import type { CircuitView } from '../../src-shared/routing.ts';
import { duration } from './durations.ts';
import { columns, styled, wrapped } from './output.ts';

type State = HealthView['state'] | 'off';

/** Shape and word say the same as the colour. */
const states: Record<State, { mark: string; format: Parameters<typeof styled>[0] }> = {
  healthy: { mark: '+', format: 'green' },
  degraded: { mark: '~', format: 'yellow' },
  down: { mark: 'x', format: 'red' },
  unknown: { mark: '?', format: 'dim' },
  off: { mark: '-', format: 'dim' },
};

const HEADS = ['  state', 'provider', 'since', 'answers', 'models', 'list'];

/** Where what belongs to a provider begins. */
const INDENT = '    ';

/**
 * Each provider in a line, and below it what there is to know or to do.
 * @param now Unix time in ms. @param width of the terminal, in columns.
 */
export function providerStatus(providers: readonly ProviderView[], now: number, width: number): string[] {
  const [head = '', ...rows] = fitting([HEADS, ...providers.map((provider) => cellsOf(provider, now))], width - 2);
  const lines = providers.flatMap((provider, index) => [
    `  ${painted(stateOf(provider), rows[index] ?? '')}`,
    ...detailsOf(provider, now).flatMap((line) => wrapped(line, width, INDENT)),
  ]);
  return [`  ${styled('dim', head)}`, ...lines];
}

/** Rows of cells; where they are too wide, without their last ones, which matter least. */
function fitting(rows: readonly (readonly string[])[], width: number): string[] {
  const lines = columns(rows);
  const fits = lines.every((line) => line.length <= width);
  const count = rows[0]?.length ?? 0;
  return fits || count <= 2
    ? lines
    : fitting(
        rows.map((row) => row.slice(0, count - 1)),
        width,
      );
}

const stateOf = ({ enabled, health }: ProviderView): State => (enabled ? health.state : 'off');

/** The state's mark and word alone are coloured. */
function painted(state: State, row: string): string {
  const { mark, format } = states[state];
  const label = `${mark} ${state}`;
  return styled(format, label) + row.slice(label.length);
}

function cellsOf(provider: ProviderView, now: number): string[] {
  const { id, type, enabled, health, models } = provider;
  const state = stateOf(provider);
  const { firstContentMs: first, tokensPerSecond: speed } = health;
  return [
    `${states[state].mark} ${state}`,
    `${id} (${type})`,
    enabled ? duration(now - health.since) : '',
    first === null ? '' : `${(first / 1000).toFixed(1)} s${speed === null ? '' : ` ${speed} tok/s`}`,
    ...modelCells(models, now),
  ];
}

/** How many models are known, and where from. */
function modelCells({ count, source, fetchedAt }: ModelListView, now: number): [string, string] {
  if (source === 'none') return ['', ''];
  const list =
    source === 'fetched' && fetchedAt !== null
      ? `${duration(now - fetchedAt)} old`
      : source === 'configured'
        ? 'set'
        : source;
  return [String(count), list];
}

function detailsOf({ enabled, health, keys, models, circuits }: ProviderView, now: number): string[] {
  if (!enabled) return [];
  const { reason } = health;
  const noteworthy = keys.length > 1 || keys.some(({ state }) => !quietStates.has(state));
  return [
    ...(reason === null || (health.state === 'unknown' && health.checkedAt === null) ? [] : [reason]),
    ...(noteworthy ? keys.map((key) => keyLine(key, keys.length, reason, now)) : []),
    ...keys.flatMap(({ id, limits }) => limitLines(limits, keys.length > 1 ? `of key ${id}` : '', now)),
    ...circuits.map((circuit) => circuitLine(circuit, now)),
    ...(models.error === null || models.error === reason || health.state === 'down'
      ? []
      : [`list of models: ${models.error}`]),
  ];
}

const quietStates: ReadonlySet<KeyView['state']> = new Set(['ready', 'not-needed', 'from-client', 'reading']);

const keyWords: Record<KeyView['state'], string> = {
  'not-needed': 'not needed',
  'from-client': "the client's own",
  reading: 'being read',
  missing: 'missing',
  ready: 'ready',
  'cooling-down': 'rests',
  exhausted: 'spent',
  refused: 'refused',
};

/** @param said what has been said already. */
function keyLine({ id, reference, state, until, reason }: KeyView, count: number, said: string | null, now: number) {
  const name = count > 1 ? `key ${id}` : 'key';
  const time = until === null || until <= now ? '' : `, for ${duration(until - now)} more`;
  const why = reason === null || said?.toLowerCase().includes(reason.toLowerCase()) === true ? '' : `: ${reason}`;
  return `${name}${reference === null ? '' : ` (${reference})`} ${keyWords[state]}${time}${why}`;
}

/** What is left alone, or tried again. @param now Unix time in ms. */
export function circuitLine({ model, state, until, failures, reason }: CircuitView, now: number): string {
  const what = model === null ? 'all of it is' : `${model} is`;
  const how =
    state === 'half-open'
      ? 'tried again with the next request'
      : until === null || until <= now
        ? 'being tried again'
        : `left alone for ${duration(until - now)} more`;
  return `${what} ${how}${failures > 1 ? ` after ${failures} failures` : ''}: ${reason}`;
}

function limitLines(limits: readonly RateLimitView[], whose: string, now: number): string[] {
  return limits.flatMap((limit) => {
    const part = limitPart(limit);
    if (part === null) return [];
    const resets =
      limit.resetsAt === null || limit.resetsAt <= now ? '' : `, resets in ${duration(limit.resetsAt - now)}`;
    return [`limit ${limit.name}${whose === '' ? '' : ` ${whose}`}: ${part}${resets}`];
  });
}

function limitPart({ limit, remaining, used }: RateLimitView): string | null {
  if (used !== null) return `${Math.round(used * 100)} % used`;
  if (remaining === null) return null;
  return limit === null ? `${remaining} left` : `${remaining} of ${limit} left`;
}
