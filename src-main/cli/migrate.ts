import { readFileSync } from 'node:fs';
import { resolveFolders } from '../config/folders.ts';
import { findConfigFile } from '../config/load-config.ts';
import { migrateOldVariables } from '../config/migrate.ts';
import { toCurrentVersion } from '../config/schema-versions.ts';
import { parseSource } from '../config/source-file.ts';
import { exitCodes } from './exit-codes.ts';
import { type NewConfigOptions, offerConfig } from './new-config.ts';
import { note, printJson } from './output.ts';

/** `cproxy config migrate` @returns the exit code */
export async function migrateConfig(options: NewConfigOptions): Promise<number> {
  const { file } = findConfigFile({ file: options.config, env: process.env, folders: resolveFolders(process.env) });
  const migrated =
    file === null
      ? migrateOldVariables(process.env)
      : toCurrentVersion(parseSource(file, readFileSync(file, 'utf8')).value, process.env);
  if (migrated !== null) return offerConfig(migrated, options, 'replace');
  const what =
    file === null
      ? "There is no configuration file, and the old cproxy's variables are not set."
      : `${file} is written in today's form.`;
  if (options.json === true) printJson({ file, written: false, config: null });
  note(`${what} There is nothing to migrate.`);
  return exitCodes.ok;
}
