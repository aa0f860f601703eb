import { ProxyError } from '../../src-shared/errors.ts';
import type { JsonAnswer } from './ask-json.ts';
import type { ProviderAnswer } from './base-provider.ts';

/** A list of 5,000 models with all that OpenRouter tells of each is about 10 MB. */
const LARGEST_BYTES = 32 * 1024 * 1024;
const SHOWN_CHARACTERS = 20_000;

/** Reads an answer that should be JSON. @throws ProxyError `provider_garbage` where it is too large, `provider_cut_stream` */
export async function readJsonAnswer(provider: string, answer: ProviderAnswer): Promise<JsonAnswer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of answer.body) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length > LARGEST_BYTES)
        throw ProxyError.of('provider_garbage', { provider, reason: `more than ${LARGEST_BYTES / 2 ** 20} MB came` });
    }
  } catch (error) {
    if (error instanceof ProxyError) throw error;
    throw ProxyError.of('provider_cut_stream', { provider }, { cause: error });
  }
  const text = Buffer.concat(chunks).toString();
  return { status: answer.status, headers: answer.headers, json: parsed(text), text: text.slice(0, SHOWN_CHARACTERS) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
