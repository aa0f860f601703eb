import type { ClientProtocol } from '../../src-shared/requests.ts';

/** A body as it went by: pieces that were there anyway, not read and not redacted. */
export interface HeardBody {
  pieces: readonly (Uint8Array | string)[];
  /** Of all of it; some of which may be in no piece. */
  bytes: number;
}

/** A body in one piece: all of it, or its beginning. Not redacted. */
export interface RawBody {
  content: Uint8Array;
  /** Of all of it. */
  bytes: number;
}

/** What was said in a request that has ended. */
export interface RequestBodies<Body = RawBody> {
  id: string;
  /** When the request began, Unix time in ms. */
  at: number;
  protocol: ClientProtocol;
  path: string;
  /** With its question mark, or empty. */
  query: string;
  requestHeaders: Record<string, string>;
  request: Body;
  answerHeaders: Record<string, string>;
  /** null: nothing was sent. */
  answer: Body | null;
  /** Whether the answer was sent to its end. */
  isComplete: boolean;
  attempts: { attempt: number; sent: Body | null; refusal: Body | null }[];
}

/** The same with each body as something else. */
export function mapBodies<Body, Other>(
  bodies: RequestBodies<Body>,
  change: (body: Body) => Other,
): RequestBodies<Other> {
  const orNull = (body: Body | null): Other | null => (body === null ? null : change(body));
  return {
    ...bodies,
    request: change(bodies.request),
    answer: orNull(bodies.answer),
    attempts: bodies.attempts.map(({ attempt, sent, refusal }) => ({
      attempt,
      sent: orNull(sent),
      refusal: orNull(refusal),
    })),
  };
}

/** A body that came as a whole. */
export const heard = (content: Uint8Array | string): HeardBody => ({
  pieces: [content],
  bytes: Buffer.byteLength(content),
});

/** The beginning of a piece. */
export function cut(piece: Uint8Array | string, maxBytes: number): Uint8Array | string {
  if (piece.length <= maxBytes) return piece;
  return typeof piece === 'string' ? piece.slice(0, maxBytes) : piece.subarray(0, maxBytes);
}
