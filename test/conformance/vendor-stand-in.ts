import { html, type ScriptableUpstream, type Step, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { Accounts } from '../helpers/upstream/accounts.ts';
import type { UpstreamRequest } from '../helpers/upstream/request.ts';
import { callTools, type RawStep, raw } from '../helpers/upstream/step.ts';
import { readAsked } from './upstreams.ts';
import type { Vendor } from './vendors.ts';

/** A server of some kind on this machine: with its own lists, paths, accounts and words, and a model that is easily led. */
export interface StandIn extends AsyncDisposable {
  readonly vendor: Vendor;
  readonly upstream: ScriptableUpstream;
  readonly accounts: Accounts;
  readonly baseUrl: string;
  /** What becomes of all requests, whoever asks. */
  state: 'up' | 'loading' | 'web page';
}

const COUNTED = Array.from({ length: 400 }, (_, index) => index + 1).join(' ');

/**
 * What its model says: where the user writes `tool: NAME JSON` it calls that tool, it repeats a tool's result, counts when it
 * is told to, and else says pong.
 */
function modelAnswer(request: UpstreamRequest): Step {
  const { protocol } = request;
  if (protocol === null) throw new Error(`${request.path} asks no model`);
  const { texts, results, tools } = readAsked[protocol](request.json);
  const result = results.at(-1);
  if (result !== undefined) return say(`The tool says: ${result.text}`);
  const text = texts.at(-1) ?? '';
  const [, name = '', input = '{}'] = /^tool: (\S+) (\{.*\})$/m.exec(text) ?? [];
  if (tools.includes(name)) return callTools([{ name, input: JSON.parse(input) as Record<string, unknown> }]);
  return text.startsWith('Count') ? say(COUNTED, { fragment: 8, delayMs: 5 }) : say('pong');
}

export async function startStandIn(vendor: Vendor): Promise<StandIn> {
  const { basePath, paths, models, needsKey, free, isPublic, loading, refusesKey } = vendor;
  const accounts = new Accounts(needsKey, (key) => refusesKey(key ?? ''));
  const nowhere = (path: string): RawStep => raw(404, JSON.stringify({ error: { message: `${path} not found` } }));
  const upset = (): RawStep | null => {
    if (standIn.state === 'web page') return html();
    return standIn.state === 'loading' ? (loading?.() ?? null) : null;
  };
  const upstream = await startUpstream({
    countTokens: () => null,
    other: (request) => {
      const step = upset();
      if (step !== null) return step;
      if (!isPublic(request.path)) {
        const refusal = accounts.refusal(request);
        if (refusal !== null) return refusal as RawStep;
      }
      return free(request, models) ?? nowhere(request.path);
    },
  });
  upstream.script((request) =>
    paths.includes(request.path) ? (upset() ?? accounts.fate(request) ?? modelAnswer(request)) : nowhere(request.path),
  );
  const standIn: StandIn = {
    vendor,
    upstream,
    accounts,
    baseUrl: upstream.url + basePath,
    state: 'up',
    [Symbol.asyncDispose]: () => upstream.close(),
  };
  return standIn;
}
