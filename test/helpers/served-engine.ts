import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { type ControlClient, withEngine } from '../../src-main/cli/control-client.ts';
import { resolveFolders } from '../../src-main/config/folders.ts';
import { noBackground } from './no-background.ts';
import type { Held } from './probe.ts';

const cli = path.resolve(import.meta.dirname, '../../src-main/cli.ts');
const probe = path.resolve(import.meta.dirname, 'probe.ts');

/** `cproxy serve` as a process of its own. */
export interface ServedEngine extends AsyncDisposable {
  readonly pid: number;
  /** Where it listened when it started. */
  readonly url: string;
  /** Of the very first start of a home; '' later. */
  readonly token: string;
  /** What it has written to standard error. */
  log(): string;
  /** Over the control API, wherever it listens now. */
  control<T>(action: (client: ControlClient) => Promise<T>): Promise<T>;
  held(): Promise<Held>;
  /** @returns its exit code */
  stop(): Promise<number | null>;
}

/**
 * Starts it and waits until it listens.
 * @param home `CPROXY_HOME`, with the configuration in it
 * @param options `program`: another than the sources, such as what was built.
 */
export async function serveEngine(
  home: string,
  options: { env?: NodeJS.ProcessEnv; args?: readonly string[]; program?: string } = {},
): Promise<ServedEngine> {
  const { PATH, SystemRoot } = process.env;
  const env = { ...noBackground, PATH, SystemRoot, HOME: home, USERPROFILE: home, CPROXY_HOME: home, ...options.env };
  const flags = options.program === undefined ? ['--import', probe] : [];
  const args = [...flags, options.program ?? cli, 'serve', '--json', ...(options.args ?? [])];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  let printed = '';
  const ended = once(child, 'close') as Promise<[number | null]>;
  await new Promise<void>((resolve, reject) => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      if (printed.includes('\n')) resolve();
    });
    ended.then(([code]) => reject(new Error(`cproxy serve ended with ${code}: ${said}`)), reject);
  });
  const { endpoint, firstToken } = JSON.parse(printed) as { endpoint: string; firstToken: string | null };
  const folders = resolveFolders({ CPROXY_HOME: home });
  const stop = async (): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    const [code] = await ended;
    return code;
  };
  return {
    pid: child.pid ?? 0,
    url: endpoint,
    token: firstToken ?? '',
    log: () => said,
    async control(action) {
      const answer = await withEngine(folders.data, action);
      if (answer === null) throw new Error('No engine runs');
      return answer.result;
    },
    async held() {
      const answer = once(child, 'message') as Promise<[Held]>;
      child.send('held');
      return (await answer)[0];
    },
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}
