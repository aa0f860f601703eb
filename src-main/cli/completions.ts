import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import type { Argument, Command, Option } from 'commander';
import type { ConfigVersionView, EngineStatus, ModelsView, ProviderView, TokenView } from '../../src-shared/control.ts';
import type { RequestRow } from '../../src-shared/requests.ts';

/** One word that may stand there, and what it is. */
interface Candidate {
  word: string;
  text: string;
}

/** Where words come from that the commands themselves do not know. */
type Source = 'providers' | 'targets' | 'models' | 'requests' | 'tokens' | 'versions' | 'places' | 'files' | 'classes';

/** Of arguments and options, by the command's path and their own name. */
export const sources: Readonly<Record<string, Source>> = {
  'circuits target': 'targets',
  'explain id': 'requests',
  'simulate --request': 'requests',
  'simulate --model': 'models',
  'simulate --class': 'classes',
  'token revoke id': 'tokens',
  'keys set provider': 'providers',
  'keys remove provider': 'providers',
  'config check file': 'files',
  'config set path': 'places',
  'config unset path': 'places',
  'config rollback id': 'versions',
};

/** An engine that takes longer has nothing to say: a shell waits for this, in ms. */
const ANSWER_LIMIT_MS = 800;

/** Asks for the shell's own names of files. */
const FILES = ':files';

/**
 * What may stand next on a command line, a line each: the word, a tab, what it is. Asks the engine that runs, if any; what it
 * does not say is left out.
 * @param words what stands there; the last of them is being written, and may be empty.
 */
export async function completions(program: Command, words: readonly string[]): Promise<string[]> {
  // An older PowerShell cannot hand over an empty word.
  const current = words.at(-1) === '""' ? '' : (words.at(-1) ?? '');
  const { command, path, open, place, ended } = walk(program, words.slice(0, -1));

  if (open !== null) return await values(open, [...path, open.long ?? ''], current, '');
  const [, name, value] = /^(--[^=]+)=(.*)$/.exec(current) ?? [];
  const assigned = name === undefined || ended ? undefined : optionOf(command, name);
  if (assigned !== undefined) return await values(assigned, [...path, name ?? ''], value ?? '', `${name}=`);
  if (current.startsWith('-') && !ended) return lines(optionsOf(command), current);

  const commands = place === 0 ? subcommandsOf(command) : [];
  const argument = argumentAt(command, place);
  return [
    ...lines(commands, current),
    ...(argument === null ? [] : await values(argument, [...path, argument.name()], current, '')),
  ];
}

interface Position {
  command: Command;
  /** Names of the commands on the way. */
  path: string[];
  /** The option whose value comes next. */
  open: Option | null;
  /** How many arguments there are already. */
  place: number;
  /** Whether a `--` has ended the options. */
  ended: boolean;
}

function walk(program: Command, words: readonly string[]): Position {
  const position: Position = { command: program, path: [], open: null, place: 0, ended: false };
  for (const word of words) {
    if (position.open !== null) position.open = null;
    else if (position.ended || !word.startsWith('-') || word === '-') {
      const next = position.place === 0 ? childOf(position.command, word) : undefined;
      if (next === undefined) position.place += 1;
      else {
        position.command = next;
        position.path.push(next.name());
      }
    } else if (word === '--') position.ended = true;
    else {
      const option = optionOf(position.command, word);
      if (option !== undefined && (option.required || option.optional)) position.open = option;
    }
  }
  return position;
}

const childOf = (command: Command, name: string): Command | undefined =>
  command.commands.find((child) => child.name() === name || child.aliases().includes(name));

/** The commands of the default command, too, where none is named. */
function knownOptions(command: Command): readonly Option[] {
  if (command.parent !== null) return command.options;
  return [...command.options, ...(childOf(command, 'serve')?.options ?? [])];
}

const optionOf = (command: Command, name: string): Option | undefined =>
  knownOptions(command).find(({ long, short }) => long === name || short === name);

const optionsOf = (command: Command): Candidate[] => [
  ...knownOptions(command)
    .filter(({ hidden }) => !hidden)
    .map(({ long, short, description }) => ({ word: long ?? short ?? '', text: description })),
  { word: '--help', text: 'explain the command' },
];

function subcommandsOf(command: Command): Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((child) => ({ word: child.name(), text: child.description() }));
}

function argumentAt(command: Command, place: number): Argument | null {
  const { registeredArguments } = command;
  const last = registeredArguments.at(-1);
  return registeredArguments[place] ?? (last?.variadic === true ? last : null);
}

async function values(
  of: Argument | Option,
  path: readonly string[],
  current: string,
  before: string,
): Promise<string[]> {
  if (of.argChoices !== undefined)
    return lines(
      of.argChoices.map((word) => ({ word, text: '' })),
      current,
      before,
    );
  const source = sources[path.join(' ')] ?? (asksForFile(of) ? 'files' : null);
  if (source === null) return [];
  if (source === 'files') return [FILES];
  return lines(await found[source](), current, before);
}

/** `--config <file>` */
const asksForFile = (of: Argument | Option): boolean => 'flags' in of && /<(file|folder)>/.test(of.flags);

function lines(candidates: readonly Candidate[], current: string, before = ''): string[] {
  return candidates
    .filter(({ word }) => word.startsWith(current))
    .map(({ word, text }) => (text === '' ? before + word : `${before}${word}\t${oneLine(text)}`));
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

const found: Record<Exclude<Source, 'files'>, () => Promise<Candidate[]>> = {
  providers: async () => (await providers()).map(named),
  targets: async () => {
    const all = await providers();
    return [...all.map(named), ...(await modelsOf(all))];
  },
  models: () => names(),
  requests: async () =>
    ((await ask<RequestRow[]>('requests/list')) ?? [])
      .slice(0, 20)
      .map(({ id, askedModel, state }) => ({ word: id, text: `${askedModel}, ${state}` })),
  tokens: async () => ((await ask<TokenView[]>('tokens/list')) ?? []).map(({ id, name }) => ({ word: id, text: name })),
  versions: async () =>
    ((await ask<ConfigVersionView[]>('config/versions')) ?? []).map(({ id, at, reason }) => ({
      word: id,
      text: `${new Date(at).toLocaleString()}, ${reason}`,
    })),
  places: async () => {
    const [{ configSchema }, { fixedPaths, formatPath }] = await Promise.all([
      import('../../src-shared/config.ts'),
      import('../config/schema-shape.ts'),
    ]);
    return fixedPaths(configSchema).map((place) => ({ word: formatPath(place), text: '' }));
  },
  classes: async () => {
    const { requestClasses } = await import('../../src-shared/rules.ts');
    return requestClasses.map((word) => ({ word, text: '' }));
  },
};

const named = ({ id, type }: ProviderView): Candidate => ({ word: id, text: type });

const providers = async () => (await ask<EngineStatus>('status'))?.providers ?? [];

/** Aliases, and all models. */
async function names(): Promise<Candidate[]> {
  const status = await ask<EngineStatus>('status');
  const aliases = Object.entries(status?.aliases ?? {});
  return [
    ...aliases.map(([word, targets]) => ({ word, text: targets.join(', then ') })),
    ...(await modelsOf(status?.providers ?? [])),
  ];
}

async function modelsOf(all: readonly ProviderView[]): Promise<Candidate[]> {
  const lists = all
    .filter(({ enabled }) => enabled)
    .map(async ({ id }) => ({ id, view: await ask<ModelsView>('models/list', { provider: id }) }));
  return (await Promise.all(lists)).flatMap(({ id, view }) =>
    (view?.models ?? []).map(({ id: model, displayName }) => ({ word: `${id}/${model}`, text: displayName })),
  );
}

/**
 * A read of the control API, without the client for it and the checks of the lock file: these take longer to load than a shell
 * should wait. null: none runs, or it did not answer in time.
 */
async function ask<T>(call: string, input?: Record<string, string>): Promise<T | null> {
  const lock = await readLock();
  if (lock === null) return null;
  const url = new URL(`/api/${call}`, lock.endpoint);
  if (input !== undefined) url.searchParams.set('data', JSON.stringify({ json: input }));
  const headers = { authorization: `Bearer ${lock.secret}` };
  return await new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: ANSWER_LIMIT_MS, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve(response.statusCode === 200 ? (JSON.parse(body) as { json: T }).json : null));
      response.on('error', () => resolve(null));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(null));
  });
}

async function readLock(): Promise<{ endpoint: string; secret: string } | null> {
  const { lockFilePath, resolveFolders } = await import('../config/folders.ts');
  try {
    const lock: unknown = JSON.parse(readFileSync(lockFilePath(resolveFolders(process.env).data), 'utf8'));
    if (typeof lock !== 'object' || lock === null || !('endpoint' in lock) || !('secret' in lock)) return null;
    const { endpoint, secret } = lock;
    return typeof endpoint === 'string' && typeof secret === 'string' ? { endpoint, secret } : null;
  } catch {
    // None runs; or it has just begun to.
    return null;
  }
}
