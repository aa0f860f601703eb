import type { ConfigInput } from '../../src-shared/config.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import { type RunningEngine, runEngine } from './running-engine.ts';
import { type ScriptableUpstream, startUpstream } from './scriptable-upstream.ts';

/** Two providers and an engine between them and the client. */
export interface FailoverLab extends AsyncDisposable {
  /** Behind the provider `a`, which speaks Anthropic Messages. */
  readonly first: ScriptableUpstream;
  /** Behind the provider `b`, which speaks Chat Completions, unless said otherwise. */
  readonly second: ScriptableUpstream;
  readonly engine: RunningEngine;
  readonly ask: RunningEngine['ask'];
  /** All requests, live. */
  readonly rows: readonly RequestRow[];
  /** Who was asked by the newest request, and what came of it. */
  attempts(): string[];
  /** What the newest request's trace says of a step. */
  told(step: string): string[];
}

/**
 * Starts them; `both` is a model that both have, `a/m` and `b/m` are those of one. Circuits never open, unless the configuration
 * says so: what one test breaks, the next one needs.
 * @param options `secondType`: what `b` speaks.
 */
export async function failoverLab(
  config: ConfigInput = {},
  {
    secondType = 'openai-compatible',
    timeouts = { silenceMs: 120, idleMs: 400 },
    env = {},
  }: {
    secondType?: 'openai-compatible' | 'anthropic-compatible';
    timeouts?: { silenceMs: number; idleMs: number };
    env?: NodeJS.ProcessEnv;
  } = {},
): Promise<FailoverLab> {
  const first = await startUpstream();
  const second = await startUpstream();
  const rows: RequestRow[] = [];
  const { routing, ...rest } = config;
  const engine = await runEngine(
    {
      providers: [
        { id: 'a', type: 'anthropic-compatible', baseUrl: first.url, timeouts },
        { id: 'b', type: secondType, baseUrl: second.url, timeouts },
      ],
      aliases: { both: ['a/m', 'b/m'] },
      ...rest,
      routing: { circuit: { enabled: false }, affinity: { enabled: false }, ...routing },
    },
    {
      env,
      middleware: [
        {
          name: 'rows',
          request: async ({ row }, next) => {
            rows.push(row);
            await next();
          },
        },
      ],
    },
  );
  return {
    first,
    second,
    engine,
    ask: engine.ask,
    rows,
    attempts: () => (rows.at(-1)?.attempts ?? []).map(({ provider, outcome }) => `${provider} ${outcome}`),
    told: (name) => (rows.at(-1)?.trace ?? []).filter(({ step }) => step === name).map(({ detail }) => detail),
    [Symbol.asyncDispose]: async () => {
      await engine.stop();
      await first.close();
      await second.close();
    },
  };
}
