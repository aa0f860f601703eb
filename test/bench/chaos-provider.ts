import { hash } from 'node:crypto';
import { answer, close, fail, hang, type Step, startUpstream, type Wire } from '../helpers/scriptable-upstream.ts';
import { seededRandom } from '../helpers/seeded-random.ts';
import { questionIn, type Said } from './chaos-clients.ts';

/** Parts of the requests at which a provider fails, 0 to 1. */
export interface FaultRates {
  /** Immediate errors: 500, 529, 429, a reset connection, each as often. */
  immediate: number;
  hang: number;
  /** After the headers, before the first byte. */
  cut: number;
  /** Inside a stream that has begun, before its first content; of streams only. */
  inStream: number;
}

export const noFaults: FaultRates = { immediate: 0, hang: 0, cut: 0, inStream: 0 };

const immediate: readonly (readonly [string, Step])[] = [
  ['HTTP 500', fail(500)],
  ['HTTP 529', fail(529, { type: 'overloaded_error' })],
  ['HTTP 429', fail(429, { type: 'rate_limit_error' })],
  ['connection reset', close()],
];

export interface ChaosProvider extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  /** How often it has failed, by kind. */
  readonly faults: ReadonlyMap<string, number>;
  /** How often each question was answered, and the answer taken to its end. */
  readonly answered: ReadonlyMap<string, number>;
  /** Nobody listens any more, until it comes back. */
  die(): Promise<void>;
  comeBack(): Promise<void>;
}

/** What a provider says to a question: words and, to every third, a call of a tool, that nothing else says. */
export function answerTo(question: string, provider: string): Said {
  const random = seededRandom(seedOf(question, provider));
  const words = Array.from({ length: 3 + Math.floor(random() * 60) }, () => `wörd-${Math.floor(random() * 1e6)}`);
  const text = `${provider} answers ${question}: ${words.join(' ')} 😀`;
  const calls = random() < 1 / 3 ? [{ name: 'Bash', input: { command: `echo "${question}" of ${provider}` } }] : [];
  return { text, calls };
}

/** A provider that fails by lot: the same at the same request, whatever else goes on. */
export async function startChaosProvider(name: string, rates: FaultRates, seed: string): Promise<ChaosProvider> {
  const faults = new Map<string, number>();
  const answered = new Map<string, number>();
  const times = new Map<string, number>();
  let arrived = 0;

  const fault = (kind: string, step: Step): Step => {
    faults.set(kind, (faults.get(kind) ?? 0) + 1);
    return step;
  };
  const upstream = await startUpstream();
  upstream.script((request) => {
    // It keeps all that it was asked; ten thousand conversations are too much.
    if (++arrived % 500 === 0) upstream.reset();
    const question = questionIn(request.text);
    const time = (times.get(question) ?? 0) + 1;
    times.set(question, time);
    const random = seededRandom(seedOf(seed, name, question, String(time)));
    const { text, calls } = answerTo(question, name);
    const step = (wire: Wire): Step =>
      answer([{ type: 'text', text }, ...calls.map((call) => ({ type: 'tool_use' as const, ...call }))], { wire });
    const { streamed } = request;
    const lot = random();
    const which = random();
    let upTo = rates.immediate;
    if (lot < upTo) {
      const [kind, error] = immediate[Math.floor(which * immediate.length)] ?? ['HTTP 500', fail(500)];
      return fault(kind, error);
    }
    upTo += rates.hang;
    if (lot < upTo) return fault('hang', hang());
    upTo += rates.cut;
    if (lot < upTo)
      return fault(
        'cut before the first byte',
        step({ breakAfter: { frames: 0, how: which < 0.5 ? 'end' : 'reset' } }),
      );
    upTo += rates.inStream;
    if (lot < upTo && streamed)
      return fault('error inside the stream', step({ errorAfter: { frames: 1, failed: which < 0.5 } }));
    void request.ended.then(() => {
      if (!request.aborted) answered.set(question, (answered.get(question) ?? 0) + 1);
    });
    return step(which < 0.3 ? { randomChunks: Math.floor(which * 1e6) } : {});
  });
  return {
    name,
    url: upstream.url,
    faults,
    answered,
    die: () => upstream.close(),
    comeBack: () => upstream.reopen(),
    [Symbol.asyncDispose]: () => upstream.close(),
  };
}

const seedOf = (...parts: string[]): number => Number.parseInt(hash('sha256', parts.join('\n')).slice(0, 8), 16);
