import type { LimitScope } from '../../src-shared/limits-config.ts';
import { compileFolder, type TextTest } from '../routing/text-pattern.ts';

/** Whether a request of this client token and this folder is one that is counted. */
export function fitsRequest(scope: LimitScope, who: { client: string | null; project: string | null }): boolean {
  if (scope.client !== undefined && scope.client !== who.client) return false;
  return scope.project === undefined || (who.project !== null && folderTest(scope, scope.project)(who.project));
}

/** Whether what this provider is asked is counted. */
export const fitsProvider = ({ provider }: LimitScope, id: string): boolean =>
  provider === undefined || provider === id;

/** Of scopes that are in force: every request asks them. */
const folderTests = new WeakMap<LimitScope, TextTest>();

/** As rules understand folders. */
function folderTest(scope: LimitScope, folder: string): TextTest {
  const known = folderTests.get(scope) ?? compileFolder(folder);
  folderTests.set(scope, known);
  return known;
}
