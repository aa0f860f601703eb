import { ProxyError } from '../../src-shared/errors.ts';
import { estimateTokensOfBytes } from '../protocols/estimate-tokens.ts';
import type { KeyLease, KeyRequest } from '../providers/key-pool.ts';
import type { AttemptContext } from './context.ts';
import { isNamedByHeader } from './conversation.ts';

/**
 * The key that an attempt is made with, the same for all its calls.
 * @throws ProxyError `provider_key_missing`, `provider_keys_resting`; the signal's reason, where that comes first: a keychain
 * may be asking its user.
 */
export async function keyOf(context: AttemptContext, signal: AbortSignal): Promise<KeyLease> {
  if (context.key !== null) return context.key;
  const { keys } = context.target.provider;
  const request = keyRequest(context);
  const key = keys.only(request) ?? (await unlessAborted(keys.choose(request), signal));
  if (key === null) throw signal.reason;
  context.key = key;
  if (keys.size > 1) context.row.key = key.id;
  return key;
}

/**
 * A key for a question that costs nothing about the same request: the one that its conversation is with.
 * @throws ProxyError `provider_key_missing`; the signal's reason, where that comes first.
 */
export async function freeKeyOf(
  context: AttemptContext,
  tried: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<KeyLease> {
  const question = { ...keyRequest(context), model: null, last: true, tried, tokens: 0 };
  const key = await unlessAborted(context.target.provider.keys.choose(question), signal);
  if (key === null) throw signal.reason;
  return key;
}

/** Whether the key of an attempt that was refused has been replaced where it is kept. */
export async function isReplaced({ key, target, request }: AttemptContext): Promise<boolean> {
  if (key === null) return false;
  return (await unlessAborted(target.provider.keys.replaced(key), request.request.signal)) === true;
}

/** Whether the same target could be asked again, with another key. */
export function hasAnotherKey(context: AttemptContext): boolean {
  const { keys } = context.target.provider;
  return (
    keys.size > 1 && context.key !== null && keys.hasAnother({ ...keyRequest(context), tried: triedKeys(context) })
  );
}

/** The keys that have been tried, this attempt's included. */
export function triedKeys({ triedKeys: before, key }: AttemptContext): ReadonlySet<string> {
  return key === null ? before : new Set([...before, key.id]);
}

function keyRequest({ request, target, last, triedKeys: tried }: AttemptContext): KeyRequest {
  const { provider, model } = target;
  const { body } = request.request;
  return {
    model,
    conversation: provider.keys.size > 1 ? conversationIn(request) : null,
    tried,
    last,
    tokens: estimateTokensOfBytes(body.raw.length),
  };
}

/** A body is decoded for its conversation only where no header names it. One that cannot be is the provider's to refuse. */
function conversationIn(request: AttemptContext['request']): string | null {
  if (isNamedByHeader(request.request)) return request.conversation({});
  try {
    return request.conversation(request.request.body.decode());
  } catch (error) {
    if (error instanceof ProxyError) return null;
    throw error;
  }
}

/** null where the signal comes first. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | null> {
  let leave = (): void => undefined;
  const left = new Promise<null>((resolve) => {
    leave = () => resolve(null);
  });
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  try {
    // Raced also where nobody waits any more: what it fails with then is nobody's bug.
    return await Promise.race([left, promise]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
