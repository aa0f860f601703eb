import type { TokenUsage } from '../../src-shared/requests.ts';
import { estimateTokensOfBody } from '../protocols/estimate-tokens.ts';
import { someFieldText } from '../protocols/field-texts.ts';
import type { BaseProvider } from '../providers/base-provider.ts';
import { PerModel } from '../providers/per-model.ts';
import type { Target } from '../routing/plan.ts';
import { requestFor } from './changed-request.ts';
import type { ClientRequest } from './client-request.ts';
import type { AttemptContext } from './context.ts';
import { type CountSource, countedPrompt } from './count-tokens.ts';
import type { LocalCounter } from './local-counter.ts';
import type { OwnCount } from './own-count.ts';

/** A prompt that does not fit. In tokens. */
export interface TooLarge {
  tokens: number;
  window: number;
  /** The most the prompt may have: the window, but for one that fits and leaves no room for an answer. */
  limit: number;
}

/** Estimates below this part of a window are not looked into. */
const NEAR = 0.75;
/** From this part on the local counter is to know the model before it is needed: it learns only of whom it was asked for. */
const HALFWAY = 0.5;
/** How long it goes on learning then, at least, in ms. */
const LEARNS_FOR = 20 * 60_000;
/** Before a model has told otherwise. */
const TOKENS_PER_BYTE = 1 / 4;
/** Images are many bytes and few tokens, some scripts the other way round: what one request was is not what the next one is. */
const LEAST_TOKENS_PER_BYTE = 1 / 5;
const MOST_TOKENS_PER_BYTE = 1;
/** How much of what was told before still counts beside what is told now. */
const FADING = 0.8;
/** With Anthropic's beta context-1m-2025-08-07. */
const LARGE_WINDOW = 1_000_000;

/** How far a count may be off, as a part of it. Another vendor's tokenizer may take a fifth more or less for code. */
const INACCURACY: Readonly<Record<CountSource, number>> = {
  provider: 0,
  learned: 0.05,
  tokenizer: 0.15,
  estimate: 0.3,
};

/** A server's own count that differs from ours by more than this factor is none of this prompt: a stub, base64 taken for text. */
const STRANGE = 2.5;

export type Verdict = 'fits' | 'too large' | 'unsure';

/** The most that a prompt may have in a window: a model that has no room to answer gives nothing, or an end in mid-word. */
export const roomFor = (window: number): number => window - Math.min(256, Math.ceil(window / 100));

/**
 * Whether a count tells for certain. A refusal that is wrong costs a client its conversation, one that a provider makes
 * itself costs a moment.
 */
export function judge(tokens: number, source: CountSource, window: number): Verdict {
  const room = roomFor(window);
  const inaccuracy = INACCURACY[source];
  if (tokens * (1 + inaccuracy) <= room) return 'fits';
  return tokens > room * (1 + inaccuracy) ? 'too large' : 'unsure';
}

/** What has been seen of one model of one provider. */
interface ModelSize {
  /** Of lately answered requests, older ones counting less. */
  tokens: number;
  bytes: number;
  /** When the local counter was last asked, by `performance.now()`. */
  countedAt: number;
}

export interface WindowCheckOptions {
  counter: LocalCounter;
  /** The count of a message by the target's own counter. */
  ownCount: (attempt: AttemptContext) => Promise<OwnCount>;
}

/**
 * Whether a request fits its target, before it is sent there. The size of its body says for most that it does; what comes
 * near the window is counted on this machine; where that does not decide, by the target itself.
 */
export class WindowCheck {
  readonly #options: WindowCheckOptions;
  readonly #sizes = new WeakMap<BaseProvider, PerModel<ModelSize>>();

  constructor(options: WindowCheckOptions) {
    this.#options = options;
  }

  /** @returns null, at once or later, where it fits or the target may judge for itself. */
  check(attempt: AttemptContext): null | Promise<TooLarge | null> {
    const request = requestFor(attempt);
    const { provider } = attempt.target;
    const size = this.#sizeOf(attempt.target);
    const { raw } = request.body;
    // Who takes too much without a word says nothing of a prompt that is denser than those before it, either.
    const density = provider.takesTooMuch ? MOST_TOKENS_PER_BYTE : perByte(size);
    const { contextWindow } = provider.factsOf(attempt.target.model);
    if (contextWindow === null || raw.length * density < contextWindow * HALFWAY) return null;
    if (raw.length * density < contextWindow * NEAR) {
      this.#countAhead(attempt, size);
      return null;
    }
    const window = this.windowOf(request, attempt.target);
    if (window === null || withoutMedia(raw, density) < window * NEAR) return null;
    if (!provider.takesTooMuch && isCutByServer(raw)) return null;
    return this.#count(attempt, window);
  }

  /**
   * How large a prompt is that a target has refused as too large; null where its window is not known, or must be another than
   * the one we know, since the prompt would fit that.
   */
  async measure(attempt: AttemptContext): Promise<TooLarge | null> {
    const request = requestFor(attempt);
    const { target } = attempt;
    const window = this.#largestOf(request, target);
    if (window === null) return null;
    const { tokens, method } = await this.#options.counter.count(countedPrompt(request, target));
    if (judge(tokens, method, window) === 'fits') return null;
    return { tokens: Math.max(tokens, window + 1), window, limit: window };
  }

  /** Whether a request fits a target for certain, as far as its window is known: tokenizers differ by a half. */
  async surelyFits(attempt: AttemptContext): Promise<boolean> {
    const request = requestFor(attempt);
    const { target } = attempt;
    const window = this.windowOf(request, target);
    if (window === null) return true;
    const { tokens, method } = await this.#options.counter.count(countedPrompt(request, target));
    return judge(tokens, method, window) === 'fits';
  }

  /** Tokens a target takes of this request; null where that is not known. */
  windowOf(request: ClientRequest, target: Target): number | null {
    const { provider, model } = target;
    // On a guess by the model's name nothing is refused that the target would refuse itself.
    const isGuess = provider.assumesWindow(model) && !provider.takesTooMuch;
    return isGuess ? null : this.#largestOf(request, target);
  }

  /** The same, guesses included. */
  #largestOf(request: ClientRequest, target: Target): number | null {
    const { contextWindow: window } = target.provider.factsOf(target.model);
    if (window === null || !target.provider.protocols.includes('anthropic')) return window;
    const asksForMore = request.header('anthropic-beta')?.includes('context-1m') === true;
    return asksForMore ? Math.max(window, LARGE_WINDOW) : window;
  }

  /** Learns from what a target has reported for a request. */
  learn(request: ClientRequest, target: Target, { input, cacheRead, cacheWrite }: TokenUsage): void {
    const tokens = input + cacheRead + cacheWrite;
    if (tokens <= 0) return;
    const size = this.#sizeOf(target);
    size.tokens = size.tokens * FADING + tokens;
    size.bytes = size.bytes * FADING + request.body.raw.length;
    this.#options.counter.learn(countedPrompt(request, target), tokens, input);
  }

  /** Nobody waits for it. */
  #countAhead(attempt: AttemptContext, size: ModelSize): void {
    if (performance.now() - size.countedAt < LEARNS_FOR) return;
    size.countedAt = performance.now();
    void this.#options.counter.count(countedPrompt(requestFor(attempt), attempt.target));
  }

  async #count(attempt: AttemptContext, window: number): Promise<TooLarge | null> {
    const { target } = attempt;
    const { tokens, method, least } = await this.#options.counter.count(countedPrompt(requestFor(attempt), target));
    const verdict = judge(tokens, method, window);
    if (verdict === 'fits') return null;
    const own = await this.#options.ownCount(attempt);
    const { takesTooMuch } = target.provider;
    if (own.kind === 'counted' && own.tokens <= STRANGE * tokens && !(takesTooMuch && own.tokens * STRANGE < tokens))
      return judge(own.tokens, 'provider', window) === 'too large' ? tooLarge(own.tokens, window) : null;
    // Who takes too much without a word would answer from what is left of the conversation. What others report may be
    // wrong, and would be learned; they refuse by themselves.
    const refused = takesTooMuch ? tokens > roomFor(window) : verdict === 'too large' && least > roomFor(window);
    return refused ? tooLarge(tokens, window) : null;
  }

  #sizeOf({ provider, model }: Target): ModelSize {
    let sizes = this.#sizes.get(provider);
    if (sizes === undefined) {
      sizes = new PerModel();
      this.#sizes.set(provider, sizes);
    }
    const known = sizes.get(model);
    if (known !== undefined) return known;
    const size = {
      tokens: 0,
      bytes: 0,
      countedAt: Number.NEGATIVE_INFINITY,
    };
    sizes.set(model, size);
    return size;
  }
}

const tooLarge = (tokens: number, window: number): TooLarge => ({
  tokens,
  window,
  limit: tokens > window ? window : roomFor(window),
});

function perByte({ tokens, bytes }: ModelSize): number {
  if (bytes === 0) return TOKENS_PER_BYTE;
  return Math.min(MOST_TOKENS_PER_BYTE, Math.max(LEAST_TOKENS_PER_BYTE, tokens / bytes));
}

/** The estimate, as if images weighed what they cost: in base64 they look like a hundred times as much. */
const withoutMedia = (raw: Buffer, density: number): number =>
  estimateTokensOfBody(raw) * Math.max(1, density / TOKENS_PER_BYTE);

/**
 * Whether a conversation is shortened on its way to the model: by Anthropic's context editing or compaction, OpenAI's
 * `truncation` or compaction, OpenRouter's compression.
 */
const isCutByServer = (raw: Buffer): boolean =>
  someFieldText(raw, 'type', (type) => type.startsWith('clear_tool_uses_') || type.startsWith('compact')) ||
  someFieldText(raw, 'truncation', (truncation) => truncation === 'auto') ||
  raw.includes('"middle-out"') ||
  raw.includes('"context-compression"');
