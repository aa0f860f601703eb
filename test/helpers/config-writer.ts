import { ConfigManager, type EditedFile } from '../../src-main/config/config-manager.ts';
import { resolveFolders } from '../../src-main/config/folders.ts';
import { loadConfig } from '../../src-main/config/load-config.ts';
import { openDocument } from '../../src-main/documents/open-document.ts';

/** What one of several writers does to one configuration. Values are of no two changes the same. */
export interface WriterStep {
  /** An alias that is the writer's own, one that all of them change, or a comment of its own. */
  what: 'own' | 'shared' | 'comment';
  /** In what way: single places, or a whole text. */
  how: 'edit' | 'save';
  /** So many turns of others it takes from reading to writing. */
  thinks: number;
}

/** What it was told. */
export interface Told {
  writer: string;
  what: WriterStep['what'];
  /** What stood there when it read the file. */
  before: string;
  value: string;
  state: 'saved' | 'conflict' | 'refused';
  merged: boolean;
  /** Places of conflicts. */
  paths: string[];
  /** Why it was refused. */
  problems: string[];
}

export const startText = (writers: readonly string[]): string =>
  [
    '# Several write to this.',
    'providers:',
    '  - { id: p, type: demo } # stays',
    ...writers.flatMap((writer) => [`# of ${writer}: start`, `# ${'-'.repeat(20)}`, `# ${'='.repeat(20)}`]),
    'aliases:',
    '  shared: p/start',
    ...writers.map((writer) => `  own-${writer}: p/start`),
    '',
  ].join('\n');

/** What stands in a text for a writer. */
export function readPlace(text: string, writer: string, what: WriterStep['what']): string {
  const places = {
    own: new RegExp(`^ {2}own-${writer}: p/(.*)$`, 'm'),
    shared: /^ {2}shared: p\/(.*)$/m,
    comment: new RegExp(`^# of ${writer}: (.*)$`, 'm'),
  };
  return places[what].exec(text)?.[1] ?? 'nothing';
}

export function makeManager(home: string): ConfigManager {
  const env = { CPROXY_HOME: home };
  const folders = resolveFolders(env);
  const load = async (edited?: EditedFile) => loadConfig({ ...edited, env, folders });
  const log = { info: () => undefined, warn: () => undefined };
  return new ConfigManager({ loaded: loadConfig({ env, folders }), load, folders, env, apply: async () => [], log });
}

/** Does its steps one after the other. */
export async function writeSteps(
  manager: ConfigManager,
  writer: string,
  steps: readonly WriterStep[],
): Promise<Told[]> {
  const told: Told[] = [];
  for (const [index, { what, how, thinks }] of steps.entries()) {
    const { text, version } = await manager.file();
    for (let turn = 0; turn < thinks; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    const value = `${writer}-${index}`;
    const change = { path: ['aliases', what === 'own' ? `own-${writer}` : 'shared'], value: `p/${value}` };
    const saved =
      what === 'comment'
        ? await manager.save({ text: text.replace(`# of ${writer}: `, `# of ${writer}: ${value} `), base: version })
        : how === 'edit'
          ? await manager.edit({ changes: [change], base: version })
          : await manager.save({
              text: openDocument('yaml', text).set(change.path, change.value).text,
              base: version,
            });
    told.push({
      ...{ writer, what, value, before: readPlace(text, writer, what), state: saved.state },
      merged: saved.state === 'saved' && saved.merged,
      paths: saved.state === 'conflict' ? saved.conflicts.map(({ path }) => path) : [],
      problems: saved.state === 'refused' ? saved.problems : [],
    });
  }
  return told;
}
