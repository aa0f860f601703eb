import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface DownloadLimits {
  /** Without a new byte on disk. */
  stalledMs: number;
  totalMs: number;
}

export type DownloadResult = { done: true } | { done: false; reason: string };

/**
 * Brings Electron's program with the installer of the package itself (`electron/install.js`), which checks it against the
 * checksums in the package. The installer reports nothing for half a minute, so what it has written is watched instead.
 */
export async function downloadElectron(
  packageFolder: string,
  report: (line: string) => void,
  limits: DownloadLimits = { stalledMs: 60_000, totalMs: 300_000 },
  pollMs = 500,
): Promise<DownloadResult> {
  // A temporary folder of its own makes the bytes that arrive countable, and easy to remove when it is given up.
  const scratch = await mkdtemp(path.join(tmpdir(), 'cproxy-electron-'));
  const unpacked = path.join(packageFolder, 'dist');
  try {
    const child = spawn(process.execPath, [path.join(packageFolder, 'install.js')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        TMPDIR: scratch,
        TEMP: scratch,
        TMP: scratch,
        // Node 24: fetch follows HTTPS_PROXY.
        NODE_USE_ENV_PROXY: '1',
      },
    });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });

    const started = Date.now();
    let lastGrowth = started;
    let bytes = 0;
    let reported = 0;
    let givenUp: string | null = null;
    const watch = setInterval(() => {
      const now = Date.now();
      if (now - started > limits.totalMs) givenUp = `the download took longer than ${limits.totalMs / 1000} s`;
      else if (now - lastGrowth > limits.stalledMs)
        givenUp = `the download stood still for ${limits.stalledMs / 1000} s`;
      if (givenUp !== null) {
        clearInterval(watch);
        child.kill('SIGKILL');
        return;
      }
      void Promise.all([folderBytes(scratch), folderBytes(unpacked)]).then(([arrived, extracted]) => {
        if (arrived + extracted > bytes) lastGrowth = Date.now();
        bytes = arrived + extracted;
        if (bytes - reported < 10e6) return;
        reported = bytes;
        report(extracted > 0 ? `  ${megabytes(extracted)} unpacked` : `  ${megabytes(arrived)} received`);
      });
    }, pollMs);

    const code = await ended.finally(() => clearInterval(watch));
    if (code === 0) return { done: true };
    return { done: false, reason: givenUp ?? firstComplaint(complaint) ?? `its installer ended with code ${code}` };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;

/** The line that says what went wrong: the first that names an error. */
function firstComplaint(text: string): string | null {
  const line = text.split('\n').find((candidate) => /error|failed|cannot/i.test(candidate));
  if (line === undefined) return null;
  // The installer shows no cause for this one.
  if (line.includes('fetch failed')) return 'github.com, where it is published, could not be reached';
  return `the download failed with ${line.trim()}`;
}

/** Bytes of all files below a folder. What vanishes while it is counted counts as nothing. */
async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) =>
        stat(path.join(entry.parentPath, entry.name)).then(
          (file) => file.size,
          () => 0,
        ),
      ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
