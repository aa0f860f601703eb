import { randomBytes } from 'node:crypto';

/** Where a request stands in a trace that may span many programs (W3C Trace Context). Ids are hexadecimal. */
export interface TraceContext {
  /** 16 bytes. */
  readonly traceId: string;
  /** Of the request itself, 8 bytes. */
  readonly spanId: string;
  /** Of the span that it belongs to in the program that asked; null where the trace begins here. */
  readonly parentId: string | null;
  /** Whether the trace is sent to collectors; whoever began it says so for all. */
  readonly isSampled: boolean;
  /** What others have to say of the trace (`tracestate`), passed on as it came. */
  readonly state: string | null;
}

const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** The specification asks for no more to be passed on. */
const LONGEST_STATE = 512;
const LONGEST_PARENT = 128;

/** Random bytes are asked for many at a time: each asking takes as long as all the rest here. */
const POOL_BYTES = 4_096;
let pool = Buffer.alloc(0);
let used = 0;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    pool = randomBytes(POOL_BYTES);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}

export const newSpanId = (): string => randomHex(8);

/**
 * The context of a request that has come in. One that names no trace, or names it wrongly, begins its own.
 * @param traceparent header of that name, as is `tracestate`.
 * @param sample the part of the traces beginning here that is sent, 0 to 1.
 */
export function traceOf(traceparent: string | null, tracestate: string | null, sample: number): TraceContext {
  const spanId = newSpanId();
  const parent = traceparent === null ? null : parentOf(traceparent);
  if (parent !== null) return { ...parent, spanId, state: tracestate === null ? null : stateOf(tracestate) };
  const traceId = randomHex(16);
  return {
    traceId,
    spanId,
    parentId: null,
    isSampled: Number.parseInt(traceId.slice(-8), 16) / 2 ** 32 < sample,
    state: null,
  };
}

function parentOf(header: string): Pick<TraceContext, 'traceId' | 'parentId' | 'isSampled'> | null {
  if (header.length > LONGEST_PARENT) return null;
  const [, version, traceId, parentId, flags, rest] = TRACEPARENT.exec(header.trim()) ?? [];
  if (traceId === undefined || parentId === undefined || flags === undefined) return null;
  // Only versions to come may say more.
  if (version === '00' && rest !== undefined) return null;
  return { traceId, parentId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

const stateOf = (header: string): string | null =>
  header.length <= LONGEST_STATE && /^ *[\x21-\x7e][\x20-\x7e]*$/.test(header) ? header.trim() : null;

/** Alternating names and values that make what is asked a part of the trace. @param spanId of who asks. */
export function traceHeaders({ traceId, isSampled, state }: TraceContext, spanId: string): string[] {
  const headers = ['traceparent', `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`];
  if (state !== null) headers.push('tracestate', state);
  return headers;
}
