import type { ClientProtocol } from '../../src-shared/requests.ts';

/** A request whose prompt is counted, for one of the targets it could go to. */
export interface CountedPrompt {
  protocol: ClientProtocol;
  /** The client's body. */
  raw: Buffer;
  /** Id of the provider, and name of the model there. */
  target: { provider: string; model: string };
}

/**
 * How a number of tokens was found: by a tokenizer and what the model's own counts have taught; by a tokenizer alone; from
 * sizes, where no tokenizer could be had.
 */
export interface LocalCount {
  tokens: number;
  method: 'learned' | 'tokenizer' | 'estimate';
  /** The model surely counts no fewer: no model would, or it has always reported as many. */
  least: number;
}

/** Counts on this machine, away from the path of requests. */
export interface LocalCounter {
  /** Never rejects. */
  count(prompt: CountedPrompt): Promise<LocalCount>;
  /**
   * Tells what the model itself has counted for a prompt (tokens of its whole input). Costs nothing unless this target's
   * counts have been asked for lately. Never throws.
   * @param withoutCache the part that it says did not come from its cache; the same where it says nothing.
   */
  learn(prompt: CountedPrompt, inputTokens: number, withoutCache?: number): void;
}
