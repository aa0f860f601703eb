import type { CountedPrompt, LocalCount, LocalCounter } from '../pipeline/local-counter.ts';
import { estimateTokensOfBody } from '../protocols/estimate-tokens.ts';
import { CountingThread } from './counting-thread.ts';
import { LearnedCorrection } from './learned-correction.ts';
import { leastTokens, modelFamily } from './model-family.ts';

/** What has been learned of one target, as it is kept. */
export interface SavedCorrection {
  provider: string;
  model: string;
  data: unknown;
}

export interface TokenCounterOptions {
  /** Where what has been learned is kept. */
  corrections: {
    load(): Promise<readonly SavedCorrection[]>;
    save(correction: SavedCorrection): void;
  };
  /** Told why counts are only estimates; never holds anything of a prompt. */
  onWarning(message: string): void;
  /** How long the thread outlives its last count, in ms. */
  idleMs?: number;
  /** How long a count is waited for, in ms. */
  timeoutMs?: number;
  now?: () => number;
}

/** What is known of one target. */
interface Target {
  correction: LearnedCorrection;
  askedAt: number;
  learnedAt: number;
  learning: boolean;
}

/** Targets whose corrections are kept in memory; the one asked for longest ago goes. */
const TARGETS = 500;
/** How long after its last count a target still learns, in ms: the thread is to rest where nobody counts. */
const LEARNS_FOR = 30 * 60_000;
/** How much too large an estimate may be: other scripts may be escaped, six bytes for a character. */
const ESTIMATE_OFF = 2;
/** Between two samples of a target, for each sample it has and at most, in ms: the first ones teach the most. */
const PAUSE = 3_000;
const LONGEST_PAUSE = 5 * 60_000;

/** Counts prompts with a tokenizer in a thread of its own, and learns by what factors the models' own counts differ. */
export class TokenCounter implements LocalCounter {
  readonly #options: TokenCounterOptions;
  readonly #now: () => number;
  readonly #thread: CountingThread;
  /** In the order in which they were last asked for. */
  readonly #targets = new Map<string, Target>();
  #saved: Promise<Map<string, unknown>> | null = null;

  constructor(options: TokenCounterOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#thread = new CountingThread(options);
  }

  async count(prompt: CountedPrompt): Promise<LocalCount> {
    const counting = this.#thread.count(prompt.protocol, prompt.raw, prompt.target.model);
    const target = await this.#target(prompt.target);
    target.askedAt = this.#now();
    const features = await counting;
    if (features === null) {
      const tokens = estimateTokensOfBody(prompt.raw);
      return { tokens, method: 'estimate', least: Math.floor(tokens / ESTIMATE_OFF) };
    }
    const { correction } = target;
    const method = correction.samples > 0 ? 'learned' : 'tokenizer';
    return {
      tokens: correction.apply(features),
      method,
      least: Math.max(leastTokens(features), correction.least(features)),
    };
  }

  learn(prompt: CountedPrompt, inputTokens: number, withoutCache = inputTokens): void {
    const target = this.#targets.get(keyOf(prompt.target));
    if (target === undefined || target.learning || !this.#thread.idle) return;
    if (!(inputTokens > 0 && Number.isFinite(inputTokens))) return;
    const now = this.#now();
    const pause = Math.min(LONGEST_PAUSE, PAUSE * target.correction.samples);
    if (now - target.askedAt > LEARNS_FOR || now - target.learnedAt < pause) return;
    target.learning = true;
    target.learnedAt = now;
    void this.#learn(target, prompt, inputTokens, withoutCache);
  }

  /** Ends the thread. Counts that are asked for afterwards are estimates. */
  close(): Promise<void> {
    return this.#thread.close();
  }

  async #learn(
    target: Target,
    { protocol, raw, target: { provider, model } }: CountedPrompt,
    tokens: number,
    withoutCache: number,
  ): Promise<void> {
    const features = await this.#thread.count(protocol, raw, model);
    target.learning = false;
    if (features === null) return;
    target.correction.learn(features, target.correction.likelier(features, tokens, withoutCache));
    const data = target.correction.dataToSave();
    if (data === null) return;
    (await this.#saved)?.set(keyOf({ provider, model }), data);
    try {
      this.#options.corrections.save({ provider, model, data });
    } catch (error) {
      this.#options.onWarning(`What was learned of token counts could not be kept: ${String(error)}`);
    }
  }

  async #target({ provider, model }: CountedPrompt['target']): Promise<Target> {
    const key = keyOf({ provider, model });
    this.#saved ??= this.#load();
    const saved = await this.#saved;
    const target = this.#targets.get(key) ?? {
      correction: new LearnedCorrection(modelFamily(model).factors, saved.get(key)),
      askedAt: 0,
      learnedAt: Number.NEGATIVE_INFINITY,
      learning: false,
    };
    this.#targets.delete(key);
    this.#targets.set(key, target);
    for (const oldest of this.#targets.keys()) {
      if (this.#targets.size <= TARGETS) break;
      this.#targets.delete(oldest);
    }
    return target;
  }

  async #load(): Promise<Map<string, unknown>> {
    try {
      const saved = await this.#options.corrections.load();
      return new Map(saved.map((correction) => [keyOf(correction), correction.data]));
    } catch (error) {
      this.#options.onWarning(`What was learned of token counts could not be read: ${String(error)}`);
      return new Map();
    }
  }
}

const keyOf = ({ provider, model }: { provider: string; model: string }): string => `${provider}\n${model}`;
