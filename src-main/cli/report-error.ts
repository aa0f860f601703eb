import { type Command, CommanderError } from 'commander';
import { CommandError, exitCodes } from './exit-codes.ts';
import { note, printJson } from './output.ts';

/** Whether the command that was called has `--json`, and it was given. */
export function asksForJson(program: Command, args: readonly string[]): boolean {
  const end = args.indexOf('--');
  const own = end === -1 ? args : args.slice(0, end);
  let command = program;
  for (const word of own) {
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) break;
    command = next;
  }
  if (command === program) command = program.commands.find((candidate) => candidate.name() === 'serve') ?? program;
  return own.includes('--json') && command.options.some(({ long }) => long === '--json');
}

/**
 * Says why a command failed: in words on standard error; with `--json` as a document on standard output too, so that a program
 * which reads one always gets one. Errors that a user can do something about have a message; anything else is a bug and shows
 * where it happened.
 * @returns the exit code
 */
export function reportError(error: unknown, json: boolean): number {
  const { exitCode, code, message, problems } = described(error);
  if (exitCode === exitCodes.ok) return exitCode;
  if (json) printJson({ error: { code, message, ...(problems === undefined ? {} : { problems }) } });
  // Commander has said it already.
  else if (!(error instanceof CommanderError)) note(message);
  return exitCode;
}

interface Described {
  exitCode: number;
  code: string;
  message: string;
  problems?: unknown;
}

function described(error: unknown): Described {
  const { ok, failure, usage } = exitCodes;
  if (error instanceof CommanderError)
    return {
      exitCode: error.exitCode === 0 ? ok : usage,
      code: 'usage',
      message: error.message.replace(/^error: /, ''),
    };
  if (error instanceof CommandError)
    return { exitCode: error.exitCode, code: codeNames.get(error.exitCode) ?? 'failed', message: error.message };
  if (!(error instanceof Error)) return { exitCode: failure, code: 'internal', message: String(error) };
  const { message } = error;
  const expected = expectedErrors.get(error.name);
  if (expected !== undefined) {
    const own = 'code' in error && typeof error.code === 'string' ? error.code : expected;
    const problems = 'problems' in error ? { problems: error.problems } : {};
    return { exitCode: failure, code: own, message, ...problems };
  }
  if (isRefusedFile(error)) return { exitCode: failure, code: 'file', message };
  return { exitCode: failure, code: 'internal', message: error.stack ?? message };
}

const codeNames = new Map<number, string>([
  [exitCodes.failure, 'failed'],
  [exitCodes.usage, 'usage'],
  [exitCodes.notRunning, 'not_running'],
]);

/** By name: their modules are loaded only by the commands that need them. With the code of those that have none of their own. */
const expectedErrors = new Map([
  ['ConfigError', 'bad_configuration'],
  ['DocumentError', 'bad_configuration'],
  ['EngineStartError', 'failed'],
  ['LockHeldError', 'already_running'],
  ['ProxyError', 'failed'],
  ['SetUpError', 'failed'],
  ['UserFileError', 'failed'],
  ['FileChangedError', 'failed'],
]);

/** The file system said no, as to a folder that belongs to another user. Its message names the file. */
function isRefusedFile(error: NodeJS.ErrnoException): boolean {
  return error.syscall !== undefined && error.path !== undefined;
}
