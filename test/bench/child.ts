import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const startLimitMs = 30_000;

// Without a handler a signal ends this process without its 'exit' event, on which the children are stopped.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

export interface Child {
  pid: number;
  /** Waits until what it has printed (both streams together) matches; throws with its last lines when it ends first. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** Its last output. */
  output(): string;
  stop(): Promise<void>;
}

/** Starts a subject's process: this Node (or `command`, found with this Node first in PATH), and an environment that holds nothing of ours but PATH and a HOME of its own. */
export async function startChild(
  args: readonly string[],
  home: string,
  env: Record<string, string> = {},
  command = process.execPath,
): Promise<Child> {
  const child: ChildProcess = spawn(command, args, {
    cwd: home,
    env: { PATH: process.env.PATH ?? '', HOME: home, LANG: 'C.UTF-8', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await once(child, 'spawn');
  if (child.pid === undefined) throw new Error('the process has no id');
  let text = '';
  const keep = (bytes: Buffer) => {
    text = (text + bytes.toString('utf8')).slice(-20_000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  // Nothing that was started outlives the bench.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  const stop = async (): Promise<void> => {
    if (ended()) return;
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    const forced = setTimeout(kill, 3_000);
    await exit;
    clearTimeout(forced);
  };
  return {
    pid: child.pid,
    output: () => text,
    async printed(pattern) {
      for (const limit = performance.now() + startLimitMs; performance.now() < limit; await delay(20)) {
        const match = pattern.exec(text);
        if (match !== null) return match;
        if (ended()) break;
      }
      const fate = ended() ? 'ended' : 'did not get ready';
      await stop();
      throw new Error(`it ${fate}; its last output:\n${text.slice(-2_000)}`);
    },
    stop,
  };
}

/** A port that was free a moment ago, for subjects that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address !== 'object') throw new Error('no free port');
  return address.port;
}

/** Waits until something answers HTTP on the port. */
export async function answersOn(port: number, child: Child): Promise<void> {
  let last: unknown;
  for (const limit = performance.now() + startLimitMs; performance.now() < limit; await delay(50)) {
    try {
      await (await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2_000) })).arrayBuffer();
      return;
    } catch (error) {
      last = error;
    }
  }
  throw new Error(
    `nothing answers on port ${port} (${String(last)}); its last output:\n${child.output().slice(-2_000)}`,
  );
}
