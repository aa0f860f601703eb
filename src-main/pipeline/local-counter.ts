import type { ClientProtocol } from '../../src-shared/requests.ts';

/** A request whose prompt is counted, for one of the targets it could go to. */
export interface CountedPrompt {
  protocol: ClientProtocol;
  /** The client's body. */
  raw: Buffer;
  /** Id of the provider, name of the model there, and the vendor's name in the model catalogue, where it has one. */
  target: { provider: string; model: string; catalogue: string | null };
}

/**
 * How a number of tokens was found: by a tokenizer and what the model's own counts have taught; by a tokenizer alone; from
 * sizes, where no tokenizer could be had.
 */
export interface LocalCount {
  tokens: number;
  method: 'learned' | 'tokenizer' | 'estimate';
}

/** Counts on this machine, away from the path of requests. */
export interface LocalCounter {
  /** Never rejects. */
  count(prompt: CountedPrompt): Promise<LocalCount>;
  /**
   * Tells what the model itself has counted for a prompt (tokens of its whole input). Costs nothing unless this target's
   * counts have been asked for lately. Never throws.
   */
  learn(prompt: CountedPrompt, inputTokens: number): void;
}
