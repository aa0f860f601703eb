import { randomUUID } from 'node:crypto';
import type { BodyView, ReplayQuestion } from '../../src-shared/recording.ts';
import type { ClientReply, ClientRequest } from '../pipeline/client-request.ts';
import { InMemoryReply } from '../pipeline/in-memory-reply.ts';
import { anthropicClientCodec } from '../protocols/anthropic/client-codec.ts';
import type { ClientCodec } from '../protocols/codec.ts';
import { openaiChatClientCodec } from '../protocols/openai-chat/client-codec.ts';
import { openaiResponsesClientCodec } from '../protocols/openai-responses/client-codec.ts';
import { RequestBody } from '../protocols/request-body.ts';
import type { Question } from './recording.ts';

/** Of the answer, so many bytes are given back. All of it is kept as that of any request is. */
const MOST_ANSWER_BYTES = 256 * 1024;

export interface ReplayWorld {
  recording: {
    question(id: string): Promise<Question>;
    clean(bytes: Uint8Array): Promise<BodyView>;
  };
  /** The pipeline's. */
  handle: (request: ClientRequest, reply: ClientReply) => Promise<void>;
}

/** By the paths of their front doors. */
const codecs: Readonly<Record<string, ClientCodec>> = {
  '/v1/messages': anthropicClientCodec,
  '/v1/chat/completions': openaiChatClientCodec,
  '/v1/responses': openaiResponsesClientCodec,
};

/**
 * Sends what a client asked once more, as a new request that comes from nobody: with the rules and providers of now, and with no
 * login of a client's own. It costs what any request costs.
 * @param signal aborted when nobody waits for it any more.
 * @returns the new request's id, and the beginning of what a client would have got.
 * @throws ProxyError `body_not_kept`
 */
export async function replay(
  { id, model }: ReplayQuestion,
  { recording, handle }: ReplayWorld,
  signal: AbortSignal,
): Promise<{ id: string; answer: BodyView }> {
  const { body: bytes, path, query, headers } = await recording.question(id);
  const body = new RequestBody(bytes);
  const asked = model === undefined ? body : new RequestBody(body.withModel(model));
  const answer = new Beginning();
  const newId = `req_${randomUUID().replaceAll('-', '')}`;
  await handle(
    {
      id: newId,
      codec: codecs[path] ?? anthropicClientCodec,
      path,
      query,
      rawHeaders: Object.entries(headers).flat(),
      header: (name) => headers[name] ?? null,
      body: asked,
      clientCredentials: [],
      client: null,
      signal,
      arrivedAt: performance.now(),
      replayOf: id,
    },
    new InMemoryReply((bytes) => answer.push(bytes)),
  );
  const { kept, bytes: answerBytes } = answer;
  const view = await recording.clean(kept);
  return { id: newId, answer: { ...view, bytes: answerBytes, truncated: answerBytes > kept.length } };
}

/** Keeps the beginning of an answer, and counts all of it. */
class Beginning {
  readonly #pieces: Uint8Array[] = [];
  #keptBytes = 0;
  /** Of all of it. */
  bytes = 0;

  get kept(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  push(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    const kept = bytes.subarray(0, Math.max(0, MOST_ANSWER_BYTES - this.#keptBytes));
    this.#keptBytes += kept.length;
    // Copied: whoever writes may use its bytes again.
    if (kept.length > 0) this.#pieces.push(Buffer.from(kept));
  }
}
