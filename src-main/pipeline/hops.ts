import { ProxyError } from '../../src-shared/errors.ts';

/** Longest chain of CProxies; more is taken for a loop of others. */
const MOST_HOPS = 8;

/**
 * The CProxies that a request has passed, this one included.
 * @param before the header of the same name, as it came.
 * @throws ProxyError `loop_detected`
 */
export function hopsOf(before: string | null, instanceId: string): string {
  const hops = (before ?? '').split(',').filter((hop) => hop !== '');
  if (hops.includes(instanceId) || hops.length >= MOST_HOPS) throw ProxyError.of('loop_detected', undefined);
  return [...hops, instanceId].join(',');
}
