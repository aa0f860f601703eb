// `npm start [-- FLAG ...]`: builds, then opens the desktop application, or starts the engine alone where there is no
// screen for it. `--headless` asks for the engine alone. All other flags are those of `cproxy serve`.
import path from 'node:path';
import { engineFailedExitCode } from '../src-main/desktop/exit-codes.ts';
import { buildAll } from './lib/build-all.ts';
import { chooseStart } from './lib/choose-start.ts';
import { findElectron } from './lib/electron-binary.ts';
import { downloadElectron } from './lib/electron-download.ts';
import { engineNodeFlags, projectFolder, say } from './lib/project.ts';
import { runChild } from './lib/run-child.ts';

const electronPackage = path.join(projectFolder, 'node_modules/electron');

/** An Electron that ends sooner than this never came up: libraries are missing, or the display is not there. */
const startLimitMs = 15_000;

/** @param {string | null} note @param {readonly string[]} flags */
const runHeadless = (note, flags) =>
  runChild(
    process.execPath,
    [...engineNodeFlags, path.join(projectFolder, 'dist/main/cli.js'), 'serve', ...flags],
    note === null ? process.env : { ...process.env, CPROXY_START_NOTE: note },
    projectFolder,
  );

/** @param {string} executable @param {readonly string[]} flags */
async function runDesktop(executable, flags) {
  const { ELECTRON_RUN_AS_NODE: _, ...env } = process.env;
  // Chromium refuses to run as root with its sandbox on.
  const asRoot = process.platform === 'linux' && process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const started = Date.now();
  const end = await runChild(executable, [projectFolder, ...asRoot, ...flags], env, projectFolder);
  if (end.code === 0 || end.code === engineFailedExitCode || end.asked || Date.now() - started > startLimitMs)
    return end;
  return runHeadless(
    `Started without a window: Electron ended at once with code ${end.code}, for the reason above.`,
    flags,
  );
}

await buildAll({ clean: false });
const start = await chooseStart({
  platform: process.platform,
  env: process.env,
  flags: process.argv.slice(2),
  findElectron: () => findElectron(electronPackage, process.env),
  downloadElectron: () => {
    say('The window needs Electron, which is downloaded once (about 110 MB) …');
    return downloadElectron(electronPackage, say);
  },
});
const end =
  start.mode === 'desktop'
    ? await runDesktop(start.executable, start.flags)
    : await runHeadless(start.note, start.flags);
process.exitCode = end.code;
