import type { ConfigFileView } from '../../src-shared/control.ts';
import { mergeInto } from '../config/import/merge-into.ts';
import type { FoundKey, Imported, ImportReport } from '../config/import/report.ts';
import { versionOfConfig } from '../config/schema-versions.ts';
import { openDocument } from '../documents/open-document.ts';
import { unifiedDiff } from '../documents/text-diff.ts';
import { ask } from './ask.ts';
import { type ConfigFiles, withConfigFiles } from './config-files.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { hideKeys } from './hide-keys.ts';
import { withKeys } from './keys.ts';
import { commandName, note, print, printJson, styled, wrapped } from './output.ts';

export interface NewConfigOptions {
  /** The file to write. */
  config?: string;
  write?: boolean;
  /** `keychain`: keys that stand in the old file are stored there. */
  keys?: 'keychain';
  yes?: boolean;
  json?: boolean;
}

/**
 * Shows a configuration that was made from another, with what became of it, and writes it where that is asked for.
 * @param how `merge`: into the file that is there; `replace`: in its place.
 * @returns the exit code: a failure where it was written, but its keys were not stored
 * @throws CommandError where it would not be valid, or was not written
 */
export async function offerConfig(
  imported: Imported,
  { config, write = false, keys, yes = false, json = false }: NewConfigOptions,
  how: 'merge' | 'replace',
): Promise<number> {
  if (keys !== undefined && !write)
    throw new CommandError(
      'Keys are stored for a provider of the configuration, so --keys needs --write.',
      exitCodes.usage,
    );
  const { before, text, report, warnings } = await withConfigFiles(config, async (files) => {
    const before = await files.file();
    const after = newText(before, imported, how);
    const { problems, warnings } = await files.check(after.text);
    if (problems.length > 0) throw refused(problems);
    if (write) await save(files, before, after.text);
    return {
      before,
      text: after.text,
      warnings,
      report: { ...imported.report, left: [...imported.report.left, ...after.left] },
    };
  });

  const { stored, failure } =
    keys === undefined ? { stored: [], failure: null } : await storeKeys(imported.secrets, { config, yes, json });
  const commands = imported.secrets.filter(({ name }) => !stored.includes(name)).map(setCommand);
  const exitCode = failure === null ? exitCodes.ok : exitCodes.failure;
  if (json) {
    printJson({ file: before.file, written: write, config: text, report, stored, failure, commands, warnings });
    return exitCode;
  }
  if (!write) show(before, text, how);
  tellReport(report);
  if (warnings.length > 0) note('');
  for (const warning of warnings) note(warning);
  if (commands.length > 0) {
    note('\nThese keys stand in the file that was read, and are not copied. Store each; you are asked for it:');
    for (const command of commands) note(`  ${command}`);
  }
  if (write) {
    print(`Wrote ${before.file}.`);
    if (before.exists)
      note(`What it said before is kept: \`${commandName(process.env)} config rollback\` brings it back.`);
  } else note(`\nNothing is written yet: --write puts it into ${before.file}.`);
  if (failure !== null) note(`The keys were not stored. ${failure}`);
  return exitCode;
}

const refused = (problems: readonly string[]): CommandError =>
  new CommandError(`That would not be valid, so nothing was written:\n${problems.join('\n')}`);

interface NewText {
  text: string;
  left: string[];
}

function newText(before: ConfigFileView, made: Pick<Imported, 'text' | 'value'>, how: 'merge' | 'replace'): NewText {
  if (how === 'replace' || !before.exists || before.text.trim() === '')
    return { text: before.format === 'json' ? `${JSON.stringify(made.value, null, 2)}\n` : made.text, left: [] };
  const there = openDocument(before.format, before.text);
  if (versionOfConfig(there.value) === 0)
    throw new CommandError(
      `${before.file} is written in an old form. \`${commandName(process.env)} config migrate --write\` comes first.`,
    );
  const { document, left } = mergeInto(there, made.value);
  return { text: document.text, left };
}

async function save(files: ConfigFiles, before: ConfigFileView, text: string): Promise<void> {
  const saved = await files.save({ text, base: before.version });
  if (saved.state === 'refused') throw refused(saved.problems);
  if (saved.state === 'conflict')
    throw new CommandError(`${before.file} was changed meanwhile. Nothing was written; try again.`);
}

interface Stored {
  /** Names of the entries. */
  stored: string[];
  /** Why not all were stored, in words. */
  failure: string | null;
}

async function storeKeys(
  secrets: readonly FoundKey[],
  { config, yes, json }: { config: string | undefined; yes: boolean; json: boolean },
): Promise<Stored> {
  const stored: string[] = [];
  if (secrets.length === 0) return { stored, failure: null };
  const what = secrets.length === 1 ? 'the key' : `the ${secrets.length} keys`;
  if (!yes && !(await ask(`Store ${what} of that file in the system's keychain?`))) return { stored, failure: null };
  try {
    await withKeys(config === undefined ? {} : { config }, async (keys) => {
      for (const secret of secrets) {
        const { name, place, notes } = await keys.set(secret);
        stored.push(name);
        if (json) continue;
        note(`Stored '${name}' in ${place}.`);
        for (const line of notes) note(line);
      }
    });
    return { stored, failure: null };
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ProxyError') throw error;
    return { stored, failure: error.message };
  }
}

const setCommand = ({ provider, name }: FoundKey): string =>
  `${commandName(process.env)} keys set ${provider}${name === provider ? '' : ` --name ${name}`}`;

/** The whole of a file that is new; of one that is there and stays, what changes. */
function show({ exists, file, text }: ConfigFileView, after: string, how: 'merge' | 'replace'): void {
  if (!exists || how === 'replace') {
    print(after.trimEnd());
    return;
  }
  const diff = hideKeys(unifiedDiff(text, after, file), file, [text]);
  if (diff === '') note('Nothing changes.');
  for (const line of diff.trimEnd().split('\n'))
    print(line.startsWith('+') ? styled('green', line) : line.startsWith('-') ? styled('red', line) : line);
}

const WIDTH = 100;

/** On standard error, so that the configuration alone goes into a pipe. */
function tellReport({ source, carried, changed, left, keys }: ImportReport): void {
  note(`\nFrom ${source}.`);
  const without = keys.filter(({ found }) => found === 'none').map(({ provider }) => provider);
  const missing = without.length === 0 ? [] : [`no key was there for ${without.join(', ')}`];
  for (const [title, lines] of [
    ['Carried', carried],
    ['Different here', changed],
    ['Not carried', left],
    [
      'Keys',
      [
        ...keys.flatMap(({ provider, reference }) => (reference === null ? [] : `${provider}: ${reference}`)),
        ...missing,
      ],
    ],
  ] as const) {
    if (lines.length === 0) continue;
    note(`\n${title}:`);
    for (const text of lines) for (const line of wrapped(text, WIDTH, '  ')) note(line);
  }
}
