import { estimateTokensOfBytes } from '../protocols/estimate-tokens.ts';
import type { KeyLease, KeyPool, KeyRequest } from '../providers/key-pool.ts';
import type { AttemptContext } from './context.ts';

/**
 * The key that an attempt is made with, the same for all its calls.
 * @throws ProxyError `provider_key_missing`, `provider_keys_resting`; the signal's reason, where that comes first: a keychain
 * may be asking its user.
 */
export async function keyOf(context: AttemptContext, signal: AbortSignal): Promise<KeyLease> {
  if (context.key !== null) return context.key;
  const { keys } = context.target.provider;
  const request = keyRequest(context);
  const key = keys.only(request) ?? (await chosen(keys, request, signal));
  context.key = key;
  if (keys.size > 1) context.row.key = key.id;
  return key;
}

async function chosen(keys: KeyPool, request: KeyRequest, signal: AbortSignal): Promise<KeyLease> {
  const choice = keys.choose(request);
  const key = await unlessAborted(choice, signal);
  if (key !== null) return key;
  // It may come when nobody waits for it any more, as may the reason why there is none.
  choice.then(
    (late) => keys.ended(late, null),
    () => undefined,
  );
  throw signal.reason;
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

/** Where another target is left, it is not kept waiting by a keychain that asks its user, in ms. */
const LONGEST_LOOK_MS = 100;

/** Whether the key of an attempt that was refused has been replaced where it is kept. */
export async function isReplaced({ key, target, request, noOther }: AttemptContext): Promise<boolean> {
  if (key === null) return false;
  const { signal } = request.request;
  const limited = noOther ? signal : AbortSignal.any([signal, AbortSignal.timeout(LONGEST_LOOK_MS)]);
  return (await unlessAborted(target.provider.keys.replaced(key), limited)) === true;
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

function keyRequest({ request, target, noOther, triedKeys: tried }: AttemptContext): KeyRequest {
  const { provider, model } = target;
  const { body } = request.request;
  return {
    model,
    conversation: provider.keys.size > 1 ? request.conversationIfAny() : null,
    tried,
    last: noOther,
    tokens: estimateTokensOfBytes(body.raw.length),
  };
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
