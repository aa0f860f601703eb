import { setTimeout as wait } from 'node:timers/promises';
import { CommandError, exitCodes, notRunning } from './exit-codes.ts';
import { commandName } from './output.ts';

const EVERY_MS = 1_000;

export interface Screen {
  isTTY?: boolean | undefined;
  rows?: number | undefined;
  write(text: string): unknown;
}

/**
 * Shows lines on a screen of their own and brings them up to date every second, until Ctrl-C.
 * @param ask for the lines; null: there is nobody to ask any more.
 * @returns the exit code
 * @throws CommandError where standard output is no terminal that can be cleared
 */
export async function watchLines(
  ask: () => Promise<string[] | null>,
  screen: Screen = process.stdout,
  ended: AbortSignal = onInterrupt(),
  env: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  if (screen.isTTY !== true || env.TERM === 'dumb')
    throw new CommandError('--watch needs a terminal. Leave it out, or use --json.', exitCodes.usage);
  // A screen of its own, without a cursor: what stood in the terminal before comes back at the end.
  screen.write('\u001b[?1049h\u001b[?25l');
  try {
    while (!ended.aborted) {
      const lines = await ask();
      if (lines === null) throw notRunning(commandName(env));
      const shown = lines.slice(0, (screen.rows ?? 24) - 1);
      screen.write(`\u001b[H${shown.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`);
      await wait(EVERY_MS, undefined, { signal: ended }).catch(() => undefined);
    }
  } finally {
    screen.write('\u001b[?25h\u001b[?1049l');
  }
  return exitCodes.ok;
}

function onInterrupt(): AbortSignal {
  const ended = new AbortController();
  process.once('SIGINT', () => ended.abort());
  return ended.signal;
}
