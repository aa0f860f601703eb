import path from 'node:path';
import { stringify } from 'yaml';
import { configForDisplay } from '../config/config-for-display.ts';
import { resolveFolders } from '../config/folders.ts';
import { findConfigFile, type LoadedConfig, loadConfig } from '../config/load-config.ts';
import { note, print } from './output.ts';

interface ConfigOptions {
  config?: string;
  env?: string;
}

/** `cproxy config path` */
export function configPath({ config }: ConfigOptions): void {
  const folders = resolveFolders(process.env);
  const { file } = findConfigFile({ file: config, env: process.env, folders });
  if (file === null)
    note('There is no configuration file yet; CProxy runs on what it finds. This is where to make one:');
  print(file ?? path.join(folders.config, 'config.yaml'));
}

/** `cproxy config check` */
export function checkConfig(options: ConfigOptions): void {
  const { file, environment, warnings } = load(options);
  for (const warning of warnings) note(warning);
  const what = file ?? 'No configuration file; what was found';
  print(`${what}${environment === null ? '' : ` with environments.${environment}`} is valid.`);
}

/** `cproxy config show` */
export function showConfig({ json, ...options }: ConfigOptions & { json?: boolean }): void {
  const { file, environment, sources, warnings, config } = load(options);
  for (const warning of warnings) note(warning);
  const shown = configForDisplay(config);
  if (json === true) {
    print(JSON.stringify({ file, environment, sources, config: shown }, null, 2));
    return;
  }
  print(`# ${file ?? 'no configuration file'}`);
  for (const source of sources) print(`# ${source}`);
  print(stringify(shown).trimEnd());
}

function load({ config, env }: ConfigOptions): LoadedConfig {
  return loadConfig({ file: config, environment: env, env: process.env, folders: resolveFolders(process.env) });
}
