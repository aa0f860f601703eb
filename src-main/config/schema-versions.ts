import { CONFIG_VERSION } from '../../src-shared/config.ts';
import type { Imported } from './import/report.ts';
import { isPlannedConfig, migratePlannedConfig } from './migrate-planned.ts';
import { isSection } from './overlay.ts';

/** One step between two forms in which configurations were written. */
interface Step {
  from: number;
  to: number;
  migrate(value: unknown, env: NodeJS.ProcessEnv): Imported;
}

/** In their order; each ends where the next begins, the last at CONFIG_VERSION. */
const steps: readonly Step[] = [{ from: 0, to: 1, migrate: migratePlannedConfig }];

/** The form in which a configuration is written. 0 is what the old cproxy planned, which carries no number. */
export function versionOfConfig(value: unknown): number {
  const written = isSection(value) ? value.version : undefined;
  // A number that no step begins with is for the check to refuse.
  if (written !== undefined) return typeof written === 'number' && written > 0 ? written : CONFIG_VERSION;
  return isPlannedConfig(value) ? 0 : CONFIG_VERSION;
}

/**
 * An older configuration in today's form. Its report says all that became of it on the way.
 * @returns null where it is of today's form, or of a newer one, which is for the check to refuse
 */
export function toCurrentVersion(value: unknown, env: NodeJS.ProcessEnv): Imported | null {
  let version = versionOfConfig(value);
  let result: Imported | null = null;
  for (const step of steps) {
    if (step.from !== version) continue;
    const next = step.migrate(result?.value ?? value, env);
    result = result === null ? next : joined(result, next);
    version = step.to;
  }
  return result;
}

function joined(before: Imported, after: Imported): Imported {
  const [one, other] = [before.report, after.report];
  return {
    ...after,
    secrets: [...before.secrets, ...after.secrets],
    report: {
      source: one.source,
      carried: [...one.carried, ...other.carried],
      changed: [...one.changed, ...other.changed],
      left: [...one.left, ...other.left],
      keys: [...one.keys, ...other.keys],
    },
  };
}
