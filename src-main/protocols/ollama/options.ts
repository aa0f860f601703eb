import type { MessagesRequest } from '../canonical.ts';
import type { EncodeTarget } from '../codec.ts';
import { outputLimit } from '../output-limit.ts';

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
  const options: Options = {
    // Always the same: Ollama loads a model anew for another size, which takes seconds to minutes.
    num_ctx: target.window ?? undefined,
    num_predict: outputLimit(request, target, 1),
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
