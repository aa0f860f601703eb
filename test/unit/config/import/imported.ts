import { readFileSync } from 'node:fs';
import path from 'node:path';
import { importConfig } from '../../../../src-main/config/import/import-config.ts';
import type { Imported } from '../../../../src-main/config/import/report.ts';
import { type LoadedConfig, loadConfig } from '../../../../src-main/config/load-config.ts';

const folder = path.resolve(import.meta.dirname, '../../../fixtures/imports');
const nowhere = { config: '/nowhere', data: '/nowhere', logs: '/nowhere', cache: '/nowhere' };

export function fixtureText(name: string): string {
  return readFileSync(path.join(folder, name), 'utf8');
}

/** A file of test/fixtures/imports, carried over. */
export function importFixture(name: string, env: NodeJS.ProcessEnv = {}): Imported {
  const imported = importConfig(fixtureText(name), { file: name, env });
  if (imported === null) throw new Error(`${name} was not recognised`);
  return imported;
}

/** What was made, as CProxy reads it. @throws ConfigError where it is not valid */
export function loadImported({ text }: Imported): LoadedConfig {
  return loadConfig({ file: '/nowhere/config.yaml', text, env: {}, folders: nowhere });
}

/** Everything that may be printed of an import. */
export const shownOf = ({ text, report }: Imported): string => text + JSON.stringify(report);
