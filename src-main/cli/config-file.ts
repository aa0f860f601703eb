import type { ConfigFileView, ConfigSavedView } from '../../src-shared/control.ts';
import type { ConfigPath } from '../config/schema-shape.ts';
import { formatPath } from '../config/schema-shape.ts';
import type { TextDocument } from '../documents/document.ts';
import { openDocument } from '../documents/open-document.ts';
import { unifiedDiff } from '../documents/text-diff.ts';
import { ask } from './ask.ts';
import { type ConfigFiles, withConfigFiles } from './config-files.ts';
import { parsePlace, parseValue } from './config-place.ts';
import { dayAndTime } from './durations.ts';
import { CommandError } from './exit-codes.ts';
import { hideKeys } from './hide-keys.ts';
import { columns, commandName, note, print, printJson, styled } from './output.ts';

interface ChangeOptions {
  config?: string;
  dryRun?: boolean;
  json?: boolean;
}

/** `cproxy config set PATH VALUE` */
export function setConfig(place: string, text: string, options: ChangeOptions): Promise<void> {
  return changeConfig(place, options, (path, document) => {
    const value = parseValue(text, path);
    return { change: { path: [...path], value }, changed: document.set(path, value) };
  });
}

/** `cproxy config unset PATH` */
export function unsetConfig(place: string, options: ChangeOptions): Promise<void> {
  return changeConfig(place, options, (path, document) => {
    const changed = document.remove(path);
    if (changed.text === document.text) throw new CommandError(`The file has nothing at ${formatPath(path)}.`);
    return { change: { path: [...path] }, changed };
  });
}

interface Changed {
  change: { path: (string | number)[]; value?: unknown };
  changed: TextDocument;
}

async function changeConfig(
  place: string,
  { config, dryRun, json }: ChangeOptions,
  make: (path: ConfigPath, document: TextDocument) => Changed,
): Promise<void> {
  await withConfigFiles(config, async (files, live) => {
    const before = await files.file();
    const document = openDocument(before.format, before.text);
    const { change, changed } = make(parsePlace(place, document.value), document);
    const diff = diffOf(before, changed.text);
    if (dryRun === true) {
      const { problems, warnings } = await files.check(changed.text);
      if (problems.length > 0) throw refused(problems);
      if (json === true) printJson({ state: 'not-saved', file: before.file, diff, warnings });
      else show(diff);
      return;
    }
    const saved = await files.edit({ changes: [change], base: before.version });
    tell(saved, { file: before.file, diff, json: json === true, live });
  });
}

/** `cproxy config versions` */
export async function configVersions({ config, json }: { config?: string; json?: boolean }): Promise<void> {
  const versions = await withConfigFiles(config, (files) => files.versions());
  if (json === true) {
    printJson(versions);
    return;
  }
  if (versions.length === 0) {
    note('There is no earlier version yet: one is kept with each change that CProxy makes or reads.');
    return;
  }
  for (const line of columns([
    ['ID', 'REPLACED', 'BYTES', 'BY'],
    ...versions.map(({ id, at, bytes, reason }) => [id, dayAndTime(at), String(bytes), reason]),
  ]))
    print(line);
}

interface RollbackOptions {
  config?: string;
  yes?: boolean;
  json?: boolean;
}

/** `cproxy config rollback [ID]` */
export async function rollbackConfig(id: string | undefined, { config, yes, json }: RollbackOptions): Promise<void> {
  await withConfigFiles(config, async (files, live) => {
    const [file, version] = await Promise.all([files.file(), wanted(files, id)]);
    const diff = diffOf(file, version.text);
    if (json !== true) {
      note(`This brings version ${version.id} back:`);
      show(diff);
    }
    if (yes !== true && !(await ask('Bring it back?'))) throw new CommandError('Nothing was changed.');
    tell(await files.rollback(version.id), { file: file.file, diff, json: json === true, live, version: version.id });
  });
}

async function wanted(files: ConfigFiles, id: string | undefined): Promise<{ id: string; text: string }> {
  const versions = await files.versions();
  const found = id === undefined ? versions[0] : versions.find((version) => version.id === id);
  const command = `\`${commandName(process.env)} config versions\``;
  if (found === undefined)
    throw new CommandError(
      id === undefined ? 'There is no earlier version.' : `There is no version '${id}'. ${command} shows them.`,
    );
  return { id: found.id, text: (await files.version(found.id)).text };
}

interface Told {
  file: string;
  diff: string;
  json: boolean;
  /** Whether an engine runs, and uses it. */
  live: boolean;
  /** The version that was brought back. */
  version?: string;
}

/** What became of a change. @throws CommandError where nothing was written */
function tell(saved: ConfigSavedView, { file, diff, json, live, version }: Told): void {
  if (saved.state === 'refused') throw refused(saved.problems);
  if (saved.state === 'conflict') {
    const places = saved.conflicts.map(({ path }) => path).join(', ');
    throw new CommandError(
      `${file} was changed meanwhile at the same place (${places}). Nothing was written; try again.`,
    );
  }
  if (json) {
    printJson({ ...saved, file, diff });
    return;
  }
  // Whoever brings a version back has seen it before.
  if (version === undefined) show(diff);
  for (const warning of saved.warnings) note(warning);
  const done = version === undefined ? `Saved ${file}.` : `Brought version ${version} of ${file} back.`;
  print(live ? `${done} The running CProxy uses it.` : done);
  for (const what of saved.afterRestart) note(`After the next start: ${what}`);
}

const refused = (problems: readonly string[]): CommandError =>
  new CommandError(`That would not be valid, so nothing was written:\n${problems.join('\n')}`);

/** A version that is brought back may be of an old form, in which keys stood in the file. */
const diffOf = ({ file, text }: ConfigFileView, after: string): string =>
  hideKeys(unifiedDiff(text, after, file), file, [text, after]);

function show(diff: string): void {
  if (diff === '') {
    note('Nothing changes.');
    return;
  }
  for (const line of diff.trimEnd().split('\n')) {
    if (line.startsWith('+')) print(styled('green', line));
    else if (line.startsWith('-')) print(styled('red', line));
    else print(line);
  }
}
