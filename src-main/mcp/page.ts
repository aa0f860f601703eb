import { rpcCodes } from './rpc-codes.ts';
import { RpcError } from './rpc-error.ts';

/** How many of a list are given at a time. */
const PAGE = 50;

/**
 * A part of a list, and where the next one begins.
 * @param cursor as an earlier part had it.
 * @throws RpcError −32602 for one that no part had
 */
export function pageOf<Item>(
  items: readonly Item[],
  cursor: string | undefined,
): { page: Item[]; nextCursor?: string } {
  const from = cursor === undefined ? 0 : Number(/^from-(\d{1,6})$/.exec(cursor)?.[1] ?? Number.NaN);
  if (Number.isNaN(from) || (from > 0 && from >= items.length))
    throw new RpcError(rpcCodes.invalidParams, 'cursor: must be the nextCursor of an earlier answer');
  const end = from + PAGE;
  return { page: items.slice(from, end), ...(end < items.length ? { nextCursor: `from-${end}` } : {}) };
}
