import type { RecordingView } from '../../src-shared/recording.ts';
import { resolveFolders } from '../config/folders.ts';
import { ask } from './ask.ts';
import { withEngine } from './control-client.ts';
import { dayAndTime } from './durations.ts';
import { CommandError, exitCodes, notRunning } from './exit-codes.ts';
import { columns, commandName, note, print, printJson } from './output.ts';

export interface RecordOptions {
  /** For how long, in ms. */
  for?: number;
  errors?: boolean;
  stop?: boolean;
  clear?: boolean;
  yes?: boolean;
  json?: boolean;
}

const CLEAR = 'This forgets what was said in all requests, in memory and on the disk. Go on?';

/** `cproxy record`. @returns the exit code */
export async function record({ for: forMs, errors = false, stop, clear, yes, json }: RecordOptions): Promise<number> {
  if (errors && forMs === undefined)
    throw new CommandError('--errors says what is recorded: say for how long with --for 30m.', exitCodes.usage);
  if (clear === true && yes !== true && !(await ask(CLEAR))) return exitCodes.failure;
  const asked = await withEngine(resolveFolders(process.env).data, async ({ recording }) => {
    if (stop === true) await recording.stop();
    const cleared = clear === true ? (await recording.clear()).cleared : null;
    if (forMs !== undefined) await recording.start({ forMs, errorsOnly: errors });
    return { cleared, view: await recording.view() };
  });
  if (asked === null) throw notRunning(commandName(process.env));
  const { cleared, view } = asked.result;
  if (json === true) printJson(cleared === null ? view : { cleared, ...view });
  else {
    if (cleared !== null) note(`What was said in ${counted(cleared)} is forgotten.`);
    for (const line of recordingLines(view)) print(line);
  }
  return exitCodes.ok;
}

export function recordingLines({ record: mode, until, configured, memory, disk }: RecordingView): string[] {
  const what = { off: 'nothing', errors: 'requests that fail', all: 'all requests' };
  const isForAWhile = until !== null && mode !== configured;
  const how = isForAWhile
    ? `, until ${dayAndTime(until)}${configured === 'off' ? '' : `; then ${what[configured]}`}`
    : mode === 'off'
      ? ''
      : ', by history.bodies.record of the configuration';
  const dropped = disk.dropped === 0 ? '' : `; ${counted(disk.dropped)} lost, since there was no room for them`;
  return columns([
    ['Recorded', `${what[mode]}${how}`],
    ['In memory', `${counted(memory.requests)}, ${inMb(memory.bytes)} of ${inMb(memory.maxBytes)}`],
    [
      'On disk',
      `${counted(disk.requests)}, ${inMb(disk.bytes)}${disk.oldest === null ? '' : `, since ${dayAndTime(disk.oldest)}`}`,
    ],
    ...(disk.trouble === null && disk.dropped === 0
      ? []
      : [['', `${disk.trouble === null ? 'It works' : `${disk.trouble}: ${disk.waiting} wait in memory`}${dropped}`]]),
  ]);
}

const counted = (count: number): string => `${count.toLocaleString('en-US')} request${count === 1 ? '' : 's'}`;

const inMb = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
