import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { expandHome } from '../config/folders.ts';
import { type ImportSource, importConfig } from '../config/import/import-config.ts';
import type { Imported } from '../config/import/report.ts';
import { importSqlite, isSqlite } from '../config/import/sqlite-file.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { type NewConfigOptions, offerConfig } from './new-config.ts';
import { commandName, note } from './output.ts';

/** `cproxy config import [FILE]` @returns the exit code */
export async function importOther(
  named: string | undefined,
  { from, ...options }: NewConfigOptions & { from?: ImportSource },
): Promise<number> {
  const file = named === undefined ? usualFile(from) : path.resolve(expandHome(named));
  const imported = read(file, from);
  if (imported === null)
    throw new CommandError(
      `${file} is not the configuration of claude-code-router, cc-switch or LiteLLM. If it is, say whose with --from.`,
    );
  if (!Array.isArray(imported.value.providers) || imported.value.providers.length === 0)
    throw new CommandError(
      [`${file} has no provider that CProxy can ask, so nothing is imported.`, ...imported.report.left].join('\n'),
    );
  if (named === undefined) note(`Read ${file}.`);
  return offerConfig(imported, options, 'merge');
}

function read(file: string, from: ImportSource | undefined): Imported | null {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CommandError(code === 'ENOENT' ? `There is no file ${file}.` : `${file} cannot be read: ${message}`);
  }
  try {
    if (isSqlite(bytes)) return importSqlite(file, process.env);
    return importConfig(bytes.toString('utf8'), { file, env: process.env, from });
  } catch (error) {
    if (!(error instanceof Error) || error.name === 'ConfigError') throw error;
    throw new CommandError(`${file} cannot be read: ${error.message}`);
  }
}

/** Where the programs keep theirs, the newer place of each first. LiteLLM's file is wherever it was started with it. */
function usualFiles(): { from: ImportSource; file: string }[] {
  const home = homedir();
  const folders = [path.join(home, '.claude-code-router')];
  if (process.env.APPDATA !== undefined) folders.push(path.join(process.env.APPDATA, 'claude-code-router'));
  return [
    ...folders.flatMap((folder) =>
      ['config.sqlite', 'config.json'].map((name) => ({ from: 'ccr' as const, file: path.join(folder, name) })),
    ),
    ...['cc-switch.db', 'config.json'].map((name) => ({
      from: 'cc-switch' as const,
      file: path.join(home, '.cc-switch', name),
    })),
  ];
}

function usualFile(from: ImportSource | undefined): string {
  const example = `\`${commandName(process.env)} config import FILE\``;
  const found = usualFiles().filter((place) => (from === undefined || place.from === from) && existsSync(place.file));
  const programs = new Set(found.map((place) => place.from));
  const [first] = found;
  if (first !== undefined && programs.size === 1) return first.file;
  throw new CommandError(
    first === undefined
      ? `Nothing was found where ${from === 'litellm' ? 'LiteLLM keeps its configuration, which is nowhere in particular' : 'these programs keep their configuration'}; name the file: ${example}.`
      : `There are several; name one: ${found.map(({ file }) => file).join(', ')}.`,
    exitCodes.usage,
  );
}
