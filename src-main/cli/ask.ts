import { createInterface } from 'node:readline/promises';
import { CommandError, exitCodes } from './exit-codes.ts';

/**
 * Asks whoever sits there, on standard error; anything but yes is no, and so is Ctrl-C.
 * @throws CommandError where nobody sits there
 */
export async function ask(question: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new CommandError(`${question} Nobody can be asked here: say --yes if so.`, exitCodes.usage);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } catch (error) {
    // Ctrl-C.
    if (error instanceof Error && error.name === 'AbortError') return false;
    throw error;
  } finally {
    lines.close();
  }
}
