import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** /proc gives processor time in ticks of USER_HZ, which is 100 on every architecture Node runs on (proc(5)). */
const ticksPerSecond = 100;

export interface ProcessStat {
  parent: number;
  /** User and system time of all its threads, the ended ones included, in seconds. */
  cpuSeconds: number;
}

/** Reads the text of /proc/PID/stat. The second field may hold spaces and brackets, so counting starts after it. */
export function parseStat(text: string): ProcessStat {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(fields[1]), cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond };
}

/** A size line such as `VmHWM:  1234 kB` from the text of /proc/PID/status, in bytes; 0 where it is missing. */
export function parseStatusBytes(text: string, name: string): number {
  const line = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text);
  return line?.[1] === undefined ? 0 : Number(line[1]) * 1024;
}

/** Process ids of `root` and everything below it. */
export function treeOf(root: number, parents: ReadonlyMap<number, number>): number[] {
  const tree = [root];
  for (const parent of tree) {
    for (const [child, of] of parents) if (of === parent) tree.push(child);
  }
  return tree;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Processes end between being listed and being read.
    return '';
  }
}

function processTree(root: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = readOrEmpty(`/proc/${entry}/stat`);
    if (stat !== '') parents.set(Number(entry), parseStat(stat).parent);
  }
  return treeOf(root, parents);
}

/** User and system time that a process and its children have used so far, in seconds. */
export function cpuSecondsOf(root: number): number {
  let total = 0;
  for (const pid of processTree(root)) {
    const stat = readOrEmpty(`/proc/${pid}/stat`);
    if (stat !== '') total += parseStat(stat).cpuSeconds;
  }
  return total;
}

function sumStatus(root: number, name: string): number {
  let total = 0;
  for (const pid of processTree(root)) total += parseStatusBytes(readOrEmpty(`/proc/${pid}/status`), name);
  return total;
}

/** Resident memory of a process and its children now, in bytes. */
export const residentBytesOf = (root: number): number => sumStatus(root, 'VmRSS');

/** Highest resident memory of a process and its children since `resetPeak`, in bytes. */
export const peakBytesOf = (root: number): number => sumStatus(root, 'VmHWM');

/** Starts a new high-water mark of resident memory (proc(5): 5 written to clear_refs). */
export function resetPeak(root: number): void {
  for (const pid of processTree(root)) writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** How many files and sockets a process has open. */
export const openFilesOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
