import type { MessagesRequest } from '../canonical.ts';
import type { EncodeTarget } from '../codec.ts';
import { outputLimit } from '../output-limit.ts';

/** Room for an answer when the window is chosen: few are longer, and every doubling costs memory. Tokens. */
const ANSWER_ROOM = 8192;

/** A model's `options`, as Ollama names them; absent ones are undefined and vanish in JSON. */
interface Options {
  num_ctx: number | undefined;
  num_predict: number | undefined;
  temperature: number | undefined;
  top_p: number | undefined;
  top_k: number | undefined;
  stop: string[] | undefined;
  seed: unknown;
  presence_penalty: unknown;
  frequency_penalty: unknown;
}

/**
 * The request's parameters, without what the model has refused (`options.top_k`).
 * @returns undefined where there is none.
 */
export function modelOptions(request: MessagesRequest, target: EncodeTarget): Partial<Options> | undefined {
  const chat = request.openai?.chat ?? {};
  const limit = outputLimit(request, target, 1);
  const options: Options = {
    num_ctx: contextSize(target, limit),
    num_predict: limit,
    temperature: request.temperature ?? undefined,
    top_p: request.top_p ?? undefined,
    top_k: request.top_k ?? undefined,
    stop: request.stop_sequences?.length ? request.stop_sequences : undefined,
    seed: chat.seed ?? undefined,
    presence_penalty: chat.presence_penalty ?? undefined,
    frequency_penalty: chat.frequency_penalty ?? undefined,
  };
  const said = Object.entries(options).filter(
    ([name, value]) => value !== undefined && !target.refused.has(`options.${name}`),
  );
  return said.length === 0 ? undefined : Object.fromEntries(said);
}

/**
 * The window to ask for: the one that is configured, doubled while prompt and answer do not fit, up to what the model can
 * hold. It must not follow every request: Ollama loads a model anew for another size, which takes seconds to minutes.
 * @param answerTokens what the answer may have; undefined: as much as there is room for.
 * @returns tokens; undefined where the server's own default is to count.
 */
export function contextSize(target: EncodeTarget, answerTokens: number | undefined): number | undefined {
  const { window, estimatedInputTokens } = target;
  if (window === null) return undefined;
  const most = target.facts.contextWindow ?? Number.POSITIVE_INFINITY;
  const needed = Math.min(most, estimatedInputTokens + Math.min(answerTokens ?? ANSWER_ROOM, ANSWER_ROOM));
  let size = window;
  while (size < needed) size *= 2;
  return Math.min(size, most);
}
