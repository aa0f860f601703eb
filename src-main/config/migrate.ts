import { Draft } from './import/draft.ts';
import type { Imported } from './import/report.ts';
import { listOf, sectionOf } from './import/values.ts';
import { oldSetUp } from './old-variables.ts';
import { formatPath } from './schema-shape.ts';

/**
 * The old cproxy's variables as a configuration file.
 * @returns null where they are not set (oldSetUp says when they are)
 */
export function migrateOldVariables(env: NodeJS.ProcessEnv): Imported | null {
  const old = oldSetUp(env);
  if (old === null) return null;
  const draft = new Draft({
    source: 'the environment variables of the old cproxy',
    head: 'Made from the environment variables of the old cproxy.',
    env,
  });
  for (const section of ['server', 'logging', 'health'] as const)
    for (const [field, value] of Object.entries(sectionOf(old.config[section]))) draft.set(section, field, value);
  const { rules, ...routing } = sectionOf(old.config.routing);
  for (const [field, value] of Object.entries(routing)) draft.set('routing', field, value);
  for (const rule of listOf(rules)) draft.rules.push(sectionOf(rule));
  for (const item of listOf(old.config.providers)) addProvider(draft, sectionOf(item));

  for (const { variable, path } of old.applied) draft.carried(`${variable} → ${formatPath(path)}`);
  if (sectionOf(old.config.server).auth === 'none') {
    draft.comment(['server', 'auth'], 'As before: whoever is on this machine may ask. `token` is safer.');
    draft.changed('no token is needed on this machine, as before; server.auth: token changes that');
  }
  if (env.DEBUG?.trim() && old.config.logging !== undefined) draft.carried('DEBUG → logging.level');
  for (const warning of old.warnings.slice(1)) draft.left(warning);
  return draft.finish();
}

function addProvider(draft: Draft, provider: Record<string, unknown>): void {
  const { id, type, key } = provider;
  if (typeof id !== 'string' || typeof type !== 'string') return;
  draft.providers.push({ ...provider, id, type });
  if (typeof key === 'string') draft.report.keys.push({ provider: id, found: 'variable', reference: key });
}
