import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { findNodeAtLocation, type Node, type ParseError, parseTree } from 'jsonc-parser';

/**
 * What wins over `~/.claude/settings.json`, or has Claude Code go elsewhere: settings of an organisation, settings of the
 * project, and variables of the shell. https://code.claude.com/docs/en/settings (files and precedence).
 */

export interface OverridingOptions {
  /** Names in the `env` block that the set-up writes. */
  names: readonly string[];
  /** Whether the user's own login is to be used. */
  subscription: boolean;
  /** Whether `permissions.defaultMode` is written. */
  setsMode: boolean;
  endpoint: string;
  /** The user's settings file. */
  file: string;
  env: NodeJS.ProcessEnv;
  cwd: string;
  platform: NodeJS.Platform;
  /** Where an organisation's settings are; the system's own place where absent. */
  managedFolder?: string;
}

/** @returns a sentence for each, with its place */
export async function findOverridingSettings(options: OverridingOptions): Promise<string[]> {
  const managed = await filesOfOrganisation(options.managedFolder ?? managedFolderOf(options.platform));
  const project = filesOfProject(options.cwd).filter((file) => path.resolve(file) !== path.resolve(options.file));
  const inFiles = await Promise.all([
    ...managed.map((file) => findInFile(file, "Your organisation's settings win over yours", options)),
    ...project.map((file) => findInFile(file, 'Settings of a project win over yours in it', options)),
    findInFile(options.file, null, options),
  ]);
  return [...inFiles.flat(), ...findInShell(options)];
}

export function managedFolderOf(platform: NodeJS.Platform): string {
  if (platform === 'darwin') return '/Library/Application Support/ClaudeCode';
  return platform === 'win32' ? 'C:\\Program Files\\ClaudeCode' : '/etc/claude-code';
}

/** The file, and then the parts beside it in the order of their names. */
async function filesOfOrganisation(folder: string): Promise<string[]> {
  const parts = path.join(folder, 'managed-settings.d');
  const names = await readdir(parts).catch(() => []);
  const files = names.filter((name) => name.endsWith('.json') && !name.startsWith('.')).sort();
  return [path.join(folder, 'managed-settings.json'), ...files.map((name) => path.join(parts, name))];
}

/** From a folder up to the root of its repository; only of the folder where it is in none. */
function filesOfProject(cwd: string): string[] {
  const folders: string[] = [];
  for (let folder = path.resolve(cwd); ; folder = path.dirname(folder)) {
    folders.push(folder);
    if (existsSync(path.join(folder, '.git'))) break;
    if (folder === path.dirname(folder)) return settingsIn(path.resolve(cwd));
  }
  return folders.flatMap(settingsIn);
}

const settingsIn = (folder: string): string[] =>
  ['settings.local.json', 'settings.json'].map((name) => path.join(folder, '.claude', name));

/** @param wins why it wins; null for the user's own settings, in which what we write is written. */
async function findInFile(file: string, wins: string | null, options: OverridingOptions): Promise<string[]> {
  let text: string;
  try {
    text = (await readFile(file, 'utf8')).replace(/^\uFEFF/, '');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // A settings file of the user that cannot be read is reported by who wants to write it.
    if (code === 'ENOENT' || code === 'ENOTDIR' || wins === null) return [];
    return [`${file} cannot be read, so whether it wins over this set-up is not known: ${message}.`];
  }
  const strayed: ParseError[] = [];
  const root = parseTree(text, strayed, { disallowComments: true });
  if (root === undefined) return [];
  const lineOf = ({ offset }: { offset: number }): string => `${file}:${text.slice(0, offset).split('\n').length}`;
  const at = (...place: string[]): Node | undefined => findNodeAtLocation(root, place);
  const found = (node: Node | undefined, words: string): string[] =>
    node === undefined || node.value === '' || node.value === null ? [] : [`${lineOf(node)} ${words}`];

  // Seen with 2.1.330: "These settings did not load, so nothing in them is in effect".
  const [stray] = wins === null ? strayed : [];
  const notPlain =
    stray === undefined
      ? []
      : [
          `${lineOf(stray)} has a comment or a comma too many. Claude Code reads plain JSON only, and nothing of this file until that is taken out.`,
        ];
  const ours =
    wins === null
      ? []
      : options.names.flatMap((name) => {
          const node = at('env', name);
          const isSame = name === 'ANTHROPIC_BASE_URL' && node?.value === options.endpoint;
          return isSame ? [] : found(node, `sets ${name}. ${wins}.`);
        });
  const credentials = otherCredentials(options).flatMap((name) =>
    found(at('env', name), `sets ${name}. ${credentialWords(options)}`),
  );
  return [
    ...notPlain,
    ...ours,
    ...credentials,
    ...elsewhere.flatMap((name) =>
      isOn(at('env', name)?.value) ? found(at('env', name), `sets ${name}. ${elsewhereWords}`) : [],
    ),
    ...found(at('apiKeyHelper'), `names an apiKeyHelper. ${credentialWords(options)}`),
    ...(options.subscription
      ? []
      : found(at('forceLoginMethod'), 'has forceLoginMethod: Claude Code asks for that login, whatever token it has.')),
    ...(wins !== null && options.setsMode
      ? found(at('permissions', 'defaultMode'), `sets permissions.defaultMode. ${wins}.`)
      : []),
  ];
}

/** What the `env` block of the settings does not win over, as it does not set it. */
function findInShell(options: OverridingOptions): string[] {
  const { env, endpoint } = options;
  const isSet = (name: string): boolean => (env[name] ?? '') !== '';
  const credentials = otherCredentials(options).filter(isSet);
  const proxies = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'].filter(isSet);
  const { hostname } = new URL(endpoint);
  const exempt = `${env.NO_PROXY ?? ''},${env.no_proxy ?? ''}`
    .split(/[\s,]+/)
    .some((name) => name === '*' || name === hostname);
  return [
    ...credentials.map((name) => `The shell sets ${name}. ${credentialWords(options)}`),
    ...elsewhere.filter((name) => isOn(env[name])).map((name) => `The shell sets ${name}. ${elsewhereWords}`),
    ...(isSet('ANTHROPIC_UNIX_SOCKET')
      ? ['The shell sets ANTHROPIC_UNIX_SOCKET, through which Claude Code would go instead. Unset it.']
      : []),
    ...(options.subscription && isSet('ANTHROPIC_CUSTOM_HEADERS')
      ? [
          'The shell sets ANTHROPIC_CUSTOM_HEADERS, over which the settings win. Put those headers into the settings, too.',
        ]
      : []),
    ...(proxies.length > 0 && !exempt
      ? [
          `The shell sets ${proxies.join(', ')}, and Claude Code may go to ${hostname} through that proxy. Add ${hostname} to NO_PROXY.`,
        ]
      : []),
  ];
}

/** Switches that have Claude Code call another service. */
const elsewhere = ['CLAUDE_CODE_USE_BEDROCK', 'CLAUDE_CODE_USE_VERTEX', 'CLAUDE_CODE_USE_FOUNDRY'];
const elsewhereWords = 'Claude Code then calls that service and not CProxy. Take it out.';

const isOn = (value: unknown): boolean =>
  !['', '0', 'false', 'undefined', 'null'].includes(String(value).toLowerCase());

/** Credentials that Claude Code would send besides the one of the set-up. */
const otherCredentials = ({ subscription }: OverridingOptions): string[] =>
  subscription ? ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN'] : ['ANTHROPIC_API_KEY'];

const credentialWords = ({ subscription }: OverridingOptions): string =>
  subscription
    ? 'Claude Code then sends that instead of your own login. Take it out.'
    : 'Claude Code may warn of it and send it beside our token; CProxy goes by the token.';
