/** Exit codes of `cproxy`, as its help states them. */
export const exitCodes = { ok: 0, failure: 1, usage: 2, notRunning: 3 } as const;

/** A command cannot do what was asked; the message says why and what to do. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitCodes.failure) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}

export function notRunning(command: string): CommandError {
  return new CommandError(`CProxy is not running. \`${command} serve\` starts it.`, exitCodes.notRunning);
}
