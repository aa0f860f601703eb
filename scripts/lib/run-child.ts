import { spawn } from 'node:child_process';
import { constants } from 'node:os';

export interface ChildEnd {
  /** As a shell gives it: 128 and the signal's number for a program that a signal ended. */
  code: number;
  /** Somebody asked for the end, through us or the terminal. */
  asked: boolean;
}

/** Runs a program in the foreground, with our terminal and our signals. */
export async function runChild(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<ChildEnd> {
  const child = spawn(command, args, { stdio: 'inherit', env, cwd });
  let asked = false;
  const passOn = (signal: NodeJS.Signals) => {
    asked = true;
    // A terminal sends Ctrl-C to the child as well; a second one would mean "at once".
    if (signal === 'SIGINT' && process.stdin.isTTY) return;
    child.kill(signal);
  };
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, passOn);
  const watch = onParentGone(() => passOn('SIGTERM'));
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
    return { code, asked };
  } finally {
    clearInterval(watch);
    for (const signal of signals) process.off(signal, passOn);
  }
}

/** npm passes a SIGTERM on to the shell between it and us, which dies of it and tells nobody. */
function onParentGone(then: () => void): NodeJS.Timeout | undefined {
  if (process.env.npm_lifecycle_event === undefined || process.platform === 'win32') return undefined;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    then();
  }, 250);
  return watch;
}
