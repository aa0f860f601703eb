import { RequestBody } from '../../src-main/protocols/request-body.ts';
import { type FactWorld, RequestFacts } from '../../src-main/routing/request-facts.ts';
import type { ClientProtocol } from '../../src-shared/requests.ts';
import { factWorld } from './routing.ts';

export interface AskedRequest {
  protocol?: ClientProtocol;
  headers?: Readonly<Record<string, string>>;
  world?: Partial<FactWorld>;
  /** What the digest costs is seen by whether it is called. */
  conversation?: () => string | null;
  conversationIfNamed?: () => string | null;
}

/** The facts of a request as it arrives. @param body what it decodes to, or its bytes. */
export function readFacts(body: object | Buffer, asked: AskedRequest = {}): RequestFacts {
  const { protocol = 'anthropic', headers = {}, world = {} } = asked;
  return new RequestFacts(
    {
      protocol,
      body: new RequestBody(Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))),
      rawHeaders: Object.entries(headers).flat(),
      conversation: asked.conversation ?? (() => null),
      conversationIfNamed: asked.conversationIfNamed ?? (() => null),
      token: null,
    },
    { ...factWorld, ...world },
  );
}
