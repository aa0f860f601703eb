import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface SmallDisk {
  folder: string;
  /** Leaves no room. */
  fill(): void;
  /** Takes what filled it away. */
  empty(): void;
  remove(): void;
}

/** A disk of 3 MB of its own: a file system in memory, which only root may make; null where it cannot be made. */
export function smallDisk(): SmallDisk | null {
  if (process.platform !== 'linux') return null;
  const folder = mkdtempSync(path.join(tmpdir(), 'cproxy-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder]).status === 0;
  if (!mounted) {
    rmSync(folder, { recursive: true });
    return null;
  }
  const filler = path.join(folder, 'filler');
  return {
    folder,
    fill: () => {
      for (let piece = 0; statfsSync(folder).bavail > 0; piece += 1) {
        try {
          writeFileSync(`${filler}-${piece}`, Buffer.alloc(64 * 1024));
        } catch {
          // The last piece is as long as there is room.
        }
      }
    },
    empty: () => {
      execFileSync('sh', ['-c', `rm ${filler}-*`]);
    },
    remove: () => {
      execFileSync('umount', ['-l', folder]);
      rmSync(folder, { recursive: true });
    },
  };
}

/** Whether one can be made here. */
export function canMakeSmallDisk(): boolean {
  const disk = smallDisk();
  disk?.remove();
  return disk !== null;
}
