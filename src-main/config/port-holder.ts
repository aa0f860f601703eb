import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { askHealth } from './lock-file.ts';

/** What listens on a port; null: not known, as of processes of other users. */
export interface PortHolder {
  pid: number | null;
  /** The first words of its command line, or the name of its program. */
  command: string | null;
}

/** Nobody waits longer to be told why something failed, in ms. */
const LIMIT_MS = 1_000;

/**
 * Who listens on a TCP port of this machine. Never rejects, and never takes longer than a second: null where nobody listens, or
 * nothing could be learned.
 */
export async function whoHoldsPort(
  port: number,
  host: string,
  platform: NodeJS.Platform = process.platform,
): Promise<PortHolder | null> {
  const signal = AbortSignal.timeout(LIMIT_MS);
  const tooLate = new Promise<null>((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }));
  try {
    return await Promise.race([finders[platform]?.(port, host, signal) ?? null, tooLate]);
  } catch {
    // This is asked to explain another failure, which matters more than why it has no answer.
    return null;
  }
}

type Find = (port: number, host: string, signal: AbortSignal) => Promise<PortHolder | null>;

/** `/proc/net/tcp` has the sockets, by number; each process has links to its own. */
const onLinux: Find = async (port, host, signal) => {
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => textOf(`/proc/net/${name}`)));
  const sockets = tables.flatMap((table) => listeners(table ?? '', port));
  const exact = sockets.filter(({ address }) => address === host);
  const inodes = new Set((exact.length > 0 ? exact : sockets).map(({ inode }) => inode));
  if (inodes.size === 0) return null;
  for (const name of await readdir('/proc')) {
    if (signal.aborted) break;
    if (!/^\d+$/.test(name) || !(await hasSocket(name, inodes))) continue;
    const [line, program] = await Promise.all([textOf(`/proc/${name}/cmdline`), textOf(`/proc/${name}/comm`)]);
    const words = line?.replaceAll('\0', ' ').trim();
    return { pid: Number(name), command: shortened(words || (program?.trim() ?? '')) };
  }
  return { pid: null, command: null };
};

const LISTENS = '0A';

/** @param table of `/proc/net/tcp`: number, local and remote `ADDRESS:PORT` in hexadecimal, state, …, user, timeout, inode. */
export function listeners(table: string, port: number): { address: string; inode: string }[] {
  return table.split('\n').flatMap((row) => {
    const cells = row.trim().split(/\s+/);
    const [address = '', hexPort = ''] = (cells[1] ?? '').split(':');
    const inode = cells[9];
    if (cells[3] !== LISTENS || inode === undefined || Number.parseInt(hexPort, 16) !== port) return [];
    return [{ address: address.length === 8 ? ipv4Of(address) : address, inode }];
  });
}

/** `0100007F` is 127.0.0.1 where numbers begin with their lowest byte, as on x86 and ARM. */
const ipv4Of = (hex: string): string =>
  (hex.match(/../g) ?? [])
    .reverse()
    .map((byte) => Number.parseInt(byte, 16))
    .join('.');

async function hasSocket(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  try {
    const links = await Promise.all(
      (await readdir(folder)).map((name) => readlink(`${folder}/${name}`).catch(() => '')),
    );
    return links.some((link) => inodes.has(/^socket:\[(\d+)\]$/.exec(link)?.[1] ?? ''));
  } catch {
    // It has ended, or belongs to another user.
    return false;
  }
}

const textOf = (file: string): Promise<string | null> => readFile(file, 'utf8').catch(() => null);

const onMac: Find = async (port, _host, signal) => {
  const out = await outputOf('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], signal);
  const holder = lsofHolder(out);
  if (holder === null) return { pid: null, command: null };
  const line = await outputOf('ps', ['-o', 'command=', '-p', String(holder.pid)], signal);
  return { ...holder, command: shortened(line.trim() || (holder.command ?? '')) };
};

/** @param out of `lsof -F pc`: lines `p<pid>` and `c<command>`. */
export function lsofHolder(out: string): PortHolder | null {
  const pid = /^p(\d+)$/m.exec(out)?.[1];
  return pid === undefined ? null : { pid: Number(pid), command: /^c(.+)$/m.exec(out)?.[1]?.trim() ?? null };
}

const onWindows: Find = async (port, host, signal) => {
  const pid = netstatPid(await outputOf('netstat', ['-ano', '-p', isIPv6(host) ? 'TCPv6' : 'TCP'], signal), port);
  if (pid === null) return null;
  const out = await outputOf('tasklist', ['/FI', `PID eq ${pid}`, '/FO', 'CSV', '/NH'], signal);
  return { pid, command: /^"([^"]+)"/m.exec(out)?.[1] ?? null };
};

/**
 * @param out of `netstat -ano`: protocol, local address, foreign address, state, process. The state's word is in the language of
 * Windows; a listener's foreign address has the port 0.
 */
export function netstatPid(out: string, port: number): number | null {
  for (const row of out.split('\n')) {
    const [protocol = '', local = '', foreign = '', , pid = ''] = row.trim().split(/\s+/);
    if (protocol === 'TCP' && local.endsWith(`:${port}`) && foreign.endsWith(':0') && /^\d+$/.test(pid))
      return Number(pid);
  }
  return null;
}

const finders: Partial<Record<NodeJS.Platform, Find>> = { linux: onLinux, darwin: onMac, win32: onWindows };

/** What a program prints; empty where it cannot be run. `lsof` ends with 1 where it has found nothing. */
function outputOf(program: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, args, { signal, windowsHide: true }, (_error, stdout) => resolve(stdout));
  });
}

/** Further words may be long, or secret. */
const WORDS = 3;

const shortened = (line: string): string | null =>
  line === '' ? null : line.split(/\s+/).slice(0, WORDS).join(' ').slice(0, 200);

/**
 * Why a port cannot be listened on and what to do, in a sentence or two that name the program which has it.
 * @param dataFolder of the engine that wanted it.
 */
export async function portTakenMessage(port: number, host: string, dataFolder: string): Promise<string> {
  const [holder, health] = await Promise.all([
    whoHoldsPort(port, host),
    askHealth(`http://${reachable(host)}:${port}`, LIMIT_MS),
  ]);
  const taken = `Port ${port} on ${host} is taken by`;
  const orOther = 'or choose another port with --port.';
  if (typeof health === 'object')
    return `${taken} another CProxy (process ${health.pid}), which does not use this data folder (${dataFolder}). Use that one, stop it, ${orOther}`;
  if (holder === null) return `${taken} another program. Stop that program, ${orOther}`;
  if (holder.pid === null) return `${taken} a program of another user. Have it stopped, ${orOther}`;
  return `${taken} ${holder.command ?? 'a program'} (process ${holder.pid}). Stop that program, ${orOther}`;
}

/** Whoever listens on all addresses can be asked on this machine's own. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return isIPv6(host) ? `[${host}]` : host;
}
