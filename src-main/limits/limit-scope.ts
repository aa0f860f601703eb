import type { LimitScope } from '../../src-shared/limits-config.ts';

/** Whether a request of this client token and this folder is one that is counted. */
export function fitsRequest(scope: LimitScope, who: { client: string | null; project: string | null }): boolean {
  if (scope.client !== undefined && scope.client !== who.client) return false;
  return scope.project === undefined || scope.project === who.project;
}

/** Whether what this provider is asked is counted. */
export const fitsProvider = ({ provider }: LimitScope, id: string): boolean =>
  provider === undefined || provider === id;
