/**
 * Environment of a program under test that asks nobody by itself: no probes, no lists, no look for servers on this machine.
 * Providers of tests may have their vendors' own addresses, and nothing leaves the machine.
 */
export const noBackground = {
  CPROXY_ROUTING__LOAD_BALANCING__HEALTH_CHECK: 'false',
  CPROXY_MODEL_LISTS__FETCH: 'false',
} as const;
