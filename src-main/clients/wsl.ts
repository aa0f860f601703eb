/**
 * Windows and the Linux in its WSL share one machine, but only with mirrored networking one loopback. In the usual NAT mode,
 * Windows reaches what listens in WSL at its own 127.0.0.1, and WSL does not reach what listens on Windows.
 * https://learn.microsoft.com/windows/wsl/networking
 */

export interface WslFacts {
  platform: NodeJS.Platform;
  env: NodeJS.ProcessEnv;
  /** Text of a file; null where it cannot be read. */
  readFile: (file: string) => string | null;
  /** What `wslinfo --networking-mode` prints; null where there is no such program. */
  networkingMode: () => string | null;
}

/** What this process runs in. */
export type WslSide = 'windows' | 'wsl' | 'elsewhere';

export function wslSide({ platform, env, readFile }: Pick<WslFacts, 'platform' | 'env' | 'readFile'>): WslSide {
  if (platform === 'win32') return 'windows';
  if (platform !== 'linux') return 'elsewhere';
  const named = (env.WSL_DISTRO_NAME ?? '') !== '' || (env.WSL_INTEROP ?? '') !== '';
  return named || /microsoft/i.test(readFile('/proc/version') ?? '') ? 'wsl' : 'elsewhere';
}

/** Whether 127.0.0.1 is the same in WSL and on Windows; null: not known. */
export function sharesLoopback({ networkingMode }: Pick<WslFacts, 'networkingMode'>): boolean | null {
  const mode = networkingMode()?.trim().toLowerCase() ?? '';
  if (mode === 'mirrored') return true;
  // WSL 1 has no network of its own.
  if (mode === 'wsl1') return true;
  return mode === '' ? null : false;
}

export interface WslQuestion extends WslFacts {
  /** Whether an engine that shares our data folder runs here. */
  engineRunsHere: boolean;
  /** The file that a client of the other side would read, where one is named: such as `/mnt/c/Users/me/.claude/settings.json`. */
  clientFile: string | null;
  endpoint: string;
}

/**
 * What a client on the other side of WSL's border would not reach, and what to do; empty where nothing is in the way.
 * Asked in WSL, whose loopback is the one that may differ, and on Windows about a client within WSL.
 */
export function wslWarnings(question: WslQuestion): string[] {
  const { clientFile, engineRunsHere, endpoint } = question;
  const side = wslSide(question);
  if (side === 'elsewhere' || sharesLoopback(question) === true) return [];
  if (side === 'windows') {
    if (clientFile === null || !/^\\\\wsl(\$|\.localhost)\\/i.test(clientFile)) return [];
    return [
      `${clientFile} belongs to a client in WSL, which does not reach ${endpoint} on Windows. Run CProxy inside WSL, where the client is. ${REMEDY}`,
    ];
  }
  if (clientFile !== null && /^\/mnt\/[a-z]\//i.test(clientFile))
    return [
      `${clientFile} belongs to a client on Windows. It reaches ${endpoint} in WSL only while WSL forwards it (localhostForwarding in .wslconfig, on by default) and runs. If it does not answer there, run CProxy on Windows.`,
    ];
  return engineRunsHere
    ? []
    : [
        `This is WSL, and no CProxy runs in it. One that runs on Windows is not reached at ${endpoint} from here: WSL has a 127.0.0.1 of its own. Run CProxy inside WSL. ${REMEDY}`,
      ];
}

const REMEDY =
  'Or give both one network: write networkingMode=mirrored under [wsl2] in %UserProfile%\\.wslconfig and run `wsl --shutdown` (Windows 11 22H2 and later).';
