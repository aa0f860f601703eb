import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js';
import type { ToolContext } from './tools/tool.ts';

/** Text that comes quickly is told now and then. */
const BETWEEN_MS = 200;

/** Tells a client how far its call is; null where it has not asked for that. @param now in ms. */
export function progressOf(
  {
    _meta,
    sendNotification,
  }: Pick<RequestHandlerExtra<ServerRequest, ServerNotification>, '_meta' | 'sendNotification'>,
  now: () => number = () => performance.now(),
): ToolContext['progress'] {
  const progressToken = _meta?.progressToken;
  if (progressToken === undefined) return null;
  let toldAt = Number.NEGATIVE_INFINITY;
  return (progress, message, total) => {
    const at = now();
    // Steps towards a known end are few, and none is left out.
    if (total === undefined && at - toldAt < BETWEEN_MS) return;
    toldAt = at;
    const params = { progressToken, progress, message, ...(total === undefined ? {} : { total }) };
    // A client that is gone is no fault of the call.
    sendNotification({ method: 'notifications/progress', params }).catch(() => undefined);
  };
}
