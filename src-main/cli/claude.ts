import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { claudeCode } from '../clients/claude-code.ts';
import { readSettingsOption, sessionSettings, takeSettingsOption } from '../clients/session-settings.ts';
import { wslWarnings } from '../clients/wsl.ts';
import { ensureFolders, type Folders, resolveFolders } from '../config/folders.ts';
import { writePrivateFile } from '../config/private-file.ts';
import { isSection } from '../documents/json-values.ts';
import { openDocument } from '../documents/open-document.ts';
import { type ControlClient, withEngine } from './control-client.ts';
import { endSoon } from './end-soon.ts';
import { findEngine } from './engine-facts.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { findProgram } from './find-program.ts';
import { commandName, note, wrapped } from './output.ts';
import { wslFacts } from './wsl-facts.ts';

/** How long the token of a session is good, should nobody be there to revoke it: longer than any session, in ms. */
const LIFETIME_MS = 30 * 86_400_000;

const TOKEN_NAME = 'cproxy claude';

/** Our own options, which stand before those of Claude Code. */
export interface ClaudeOptions {
  /** Whether the user's own login is sent; by where its models go where not said. */
  subscription?: boolean;
  /** Path or name of its program. */
  program?: string;
}

/** Divides a command line: our options come first, and what follows the first other word is Claude Code's. @throws CommandError */
export function takeOwnOptions(words: readonly string[]): { options: ClaudeOptions; args: string[] } {
  const options: ClaudeOptions = {};
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (word === '--subscription') options.subscription = true;
    else if (word === '--no-subscription') options.subscription = false;
    else if (word.startsWith('--program=')) options.program = word.slice('--program='.length);
    else if (word === '--program') {
      index += 1;
      const named = words[index];
      if (named === undefined) throw new CommandError('--program takes the path of a program.', exitCodes.usage);
      options.program = named;
    } else return { options, args: words.slice(index) };
  }
  return { options, args: [] };
}

/**
 * `cproxy claude …`: Claude Code through CProxy, for one session. It changes no file of the user's: all goes into a settings file
 * of its own, with a token of its own, and both are gone when the session ends.
 * @returns Claude Code's exit code; 128 and its number where a signal ended it
 */
export async function claude(words: readonly string[]): Promise<number> {
  const { options, args } = takeOwnOptions(words);
  const { env } = process;
  const program = claudeProgram(options);
  const { args: clientArgs, settings } = takeSettingsOption(args);
  const own = settings === null ? {} : readSettingsOption(settings, (file) => readFileSync(path.resolve(file), 'utf8'));
  const folders = resolveFolders(env);
  for (const warning of ensureFolders(folders)) note(warning);
  const sessions = path.join(folders.data, 'claude');
  mkdirSync(sessions, { recursive: true, mode: 0o700 });

  const stopEngine = await ensureEngine(folders);
  try {
    await sweep(folders, sessions);
    const { id, token } = await onEngine(folders, ({ tokens }) =>
      tokens.create({ name: `${TOKEN_NAME} ${process.pid}`, lifetimeMs: LIFETIME_MS }),
    );
    const file = path.join(sessions, `${process.pid}.json`);
    const remove = (): void => rmSync(file, { force: true });
    process.once('exit', remove);
    try {
      const { text, host } = await prepare({ folders, options, own, token, program });
      await writePrivateFile(file, text);
      const code = await run(program, ['--settings', file, ...clientArgs], childEnvironment(env, host));
      // Claude Code ends with a command to resume by, which names the file that goes now.
      if (isConversation(clientArgs)) note(`\`${commandName(env)} claude --resume\` goes on with it through CProxy.`);
      return code;
    } finally {
      process.off('exit', remove);
      remove();
      await revoke(folders, id);
    }
  } finally {
    await stopEngine();
  }
}

/** @throws CommandError which says how to get one */
function claudeProgram({ program }: ClaudeOptions): string {
  const { env, platform } = process;
  const named = program ?? (env.CPROXY_CLAUDE?.trim() || undefined);
  const found = findProgram(named ?? 'claude', { env, platform });
  if (found === null)
    throw new CommandError(
      named === undefined
        ? 'Claude Code is not installed, or not on the PATH. Install it with `npm install -g @anthropic-ai/claude-code` (https://code.claude.com/docs/en/setup says more), or name it: --program /path/to/claude, or CPROXY_CLAUDE.'
        : `There is no program '${named}'. --program or CPROXY_CLAUDE names the one to start.`,
    );
  if (!/\.(cmd|bat)$/i.test(found)) return found;
  // A batch file cannot be given arguments as they are. npm's leads to a program.
  const inside = path.join(path.dirname(found), 'node_modules', '@anthropic-ai', 'claude-code', 'bin', 'claude.exe');
  const behind = findProgram(inside, { env, platform });
  if (behind !== null) return behind;
  throw new CommandError(`${found} is a batch file. Name the program behind it: --program C:\\path\\to\\claude.exe.`);
}

/** @returns what ends the engine that was started for this session; nothing where one runs already. */
async function ensureEngine(folders: Folders): Promise<() => Promise<void>> {
  const running = await withEngine(folders.data, (_client, endpoint) => Promise.resolve(endpoint));
  if (running !== null) return () => Promise.resolve();
  const { startSessionEngine } = await import('./session-engine.ts');
  const started = await startSessionEngine(folders, process.env);
  if (started === null) return () => Promise.resolve();
  const { engine, logFile } = started;
  note(`CProxy was not running: it runs at ${engine.endpoint} until Claude Code ends. Its log is ${logFile}.`);
  return async () => {
    await engine.stop();
    endSoon();
  };
}

async function onEngine<T>(folders: Folders, action: (client: ControlClient) => Promise<T>): Promise<T> {
  const answer = await withEngine(folders.data, action);
  if (answer === null) throw new CommandError('CProxy has just stopped. Try again.', exitCodes.notRunning);
  return answer.result;
}

/** A session that was killed leaves its token and its file; the next one takes them away. */
async function sweep(folders: Folders, sessions: string): Promise<void> {
  for (const name of readdirSync(sessions))
    if (isOver(Number.parseInt(name, 10))) rmSync(path.join(sessions, name), { force: true });
  await onEngine(folders, async ({ tokens }) => {
    for (const { id, name } of await tokens.list()) {
      const pid = name.startsWith(`${TOKEN_NAME} `) ? Number(name.slice(TOKEN_NAME.length)) : Number.NaN;
      if (isOver(pid)) await tokens.revoke({ id });
    }
  });
}

/** Whether a session is over, by its process. What is no number is none of ours. */
function isOver(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return pid === process.pid;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

interface Session {
  folders: Folders;
  options: ClaudeOptions;
  own: Record<string, unknown>;
  token: string;
  program: string;
}

/** What Claude Code would ask for without any settings. */
const USUAL_MODEL = 'claude-opus-5-5';

/** @returns the settings of the session, and where they lead. */
async function prepare({ folders, options, own, token, program }: Session): Promise<{ text: string; host: string }> {
  const { env, platform } = process;
  const { endpoint, facts } = await findEngine(folders, {});
  const lead = await facts.leadsTo(USUAL_MODEL);
  const usesLogin = lead !== null && lead !== 'unknown' && facts.loginProviders.includes(lead.provider);
  const subscription = options.subscription ?? usesLogin;
  const outer = outerSettings(env);
  const sections = [outer.env, own.env].filter(isSection);
  const { changes, warnings } = await claudeCode.plan({
    options: { subscription },
    settings: { ...outer, ...own, env: Object.assign({}, ...sections) },
    ...{ endpoint, token, engine: facts, platform, command: commandName(env) },
    // Of what could be in the way, only an organisation's settings win over the command line.
    ...{ env: {}, cwd: folders.data, file: path.join(folders.data, 'claude', 'settings.json') },
  });
  const border = wslWarnings({ ...wslFacts(env), clientFile: program, engineRunsHere: true, endpoint });
  for (const warning of [...warnings, ...border])
    for (const line of wrapped(warning, process.stderr.columns ?? 80, '')) note(line);
  const settings = sessionSettings({ own, outer, changes, subscription });
  return { text: `${JSON.stringify(settings, null, 2)}\n`, host: new URL(endpoint).hostname };
}

/** The user's settings, with the shell where they do not say. What cannot be read, Claude Code itself complains of. */
function outerSettings(env: NodeJS.ProcessEnv): Record<string, unknown> {
  let settings: unknown;
  try {
    settings = openDocument('json', readFileSync(claudeCode.fileOf(env), 'utf8')).value;
  } catch {
    settings = {};
  }
  const known = isSection(settings) ? settings : {};
  return { ...known, env: { ...env, ...(isSection(known.env) ? known.env : {}) } };
}

const PROXY_VARIABLES = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];

/** The shell's, but for what would lead past us: a socket, or a proxy between two programs of one machine. */
export function childEnvironment(env: NodeJS.ProcessEnv, host: string): NodeJS.ProcessEnv {
  const { ANTHROPIC_UNIX_SOCKET: _socket, ...rest } = env;
  if (!PROXY_VARIABLES.some((name) => (env[name] ?? '') !== '')) return rest;
  const exempt = [env.NO_PROXY ?? env.no_proxy ?? '', host].filter((part) => part !== '').join(',');
  return { ...rest, NO_PROXY: exempt, no_proxy: exempt };
}

/** Whether it was the terminal's: neither one answer for a pipe nor a question about itself. */
function isConversation(args: readonly string[]): boolean {
  const [first] = args;
  const asksOnce = args.some(
    (word) => word === '-p' || word === '--print' || word === '--version' || word === '--help',
  );
  return process.stdout.isTTY === true && !asksOnce && (first === undefined || first.startsWith('-'));
}

/** Signals that are the client's: it decides what they mean to it. */
const PASSED_ON: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'];

/** Runs it in the terminal we have. @throws CommandError where it cannot be started */
async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit', env });
  // A key of the terminal has reached the client as well.
  const fromTerminal = process.stdin.isTTY === true;
  const pass = (signal: NodeJS.Signals): void => {
    if (!fromTerminal || (signal !== 'SIGINT' && signal !== 'SIGQUIT')) child.kill(signal);
  };
  for (const signal of PASSED_ON) process.on(signal, pass);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', ({ message }) => reject(new CommandError(`${program} could not be started: ${message}`)));
      child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGTERM']));
    });
  } finally {
    for (const signal of PASSED_ON) process.off(signal, pass);
  }
}

/** The session is over whatever comes of it: a token that stays ends by itself. */
async function revoke({ data }: Folders, id: string): Promise<void> {
  try {
    await withEngine(data, ({ tokens }) => tokens.revoke({ id }));
  } catch (error) {
    note(`The token of this session could not be revoked: ${error instanceof Error ? error.message : String(error)}`);
  }
}
