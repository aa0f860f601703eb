import { setTimeout as wait } from 'node:timers/promises';
import { resolveFolders } from '../config/folders.ts';
import { readLock } from '../config/lock-file.ts';
import { withEngine } from './control-client.ts';
import { CommandError, exitCodes, notRunning } from './exit-codes.ts';
import { commandName, note, print, printJson } from './output.ts';
import { whileWaiting } from './spinner.ts';

/** An engine cuts what is still running after `server.graceMs`, 30 s where nobody has changed it; and then needs a moment. */
const STOP_LIMIT_MS = 120_000;

/**
 * `cproxy stop`: ends the engine that runs, and waits until it has ended.
 * @returns the exit code
 */
export async function stop({ json }: { json?: boolean }): Promise<number> {
  const { data } = resolveFolders(process.env);
  const asked = await withEngine(data, async (client, endpoint) => {
    const { pid, requests } = await client.status();
    await client.engine.stop();
    return { pid, endpoint, running: requests.running };
  });
  if (asked === null) throw notRunning(commandName(process.env));
  const { pid, endpoint, running } = asked.result;
  if (running > 0) note(`Waiting for ${running} running answer${running === 1 ? '' : 's'} …`);
  await whileWaiting('stopping', ended(data, pid));
  if (json === true) printJson({ stopped: true, pid, endpoint });
  else print(`CProxy (process ${pid} at ${endpoint}) has stopped.`);
  return exitCodes.ok;
}

/** The lock goes last. @throws CommandError where it takes too long */
async function ended(dataFolder: string, pid: number): Promise<void> {
  const limit = Date.now() + STOP_LIMIT_MS;
  while (readLock(dataFolder)?.pid === pid && processExists(pid)) {
    if (Date.now() > limit)
      throw new CommandError(`CProxy (process ${pid}) was told to stop, and has not within ${STOP_LIMIT_MS / 1000} s.`);
    await wait(50);
  }
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
