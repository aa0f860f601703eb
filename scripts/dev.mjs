// `npm run dev [-- FLAG ...]`: builds again whenever a source changes, and starts the engine anew when it was one of its
// own. `--desktop` runs the desktop application instead. A changed page only needs to be loaded again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { mainConfig, makeExecutable, preloadConfig, rendererConfig, watchBuild } from './lib/build-all.ts';
import { findElectron } from './lib/electron-binary.ts';
import { projectFolder, say } from './lib/project.ts';

const flags = process.argv.slice(2).filter((flag) => flag !== '--desktop');
const [program, ...args] = process.argv.includes('--desktop') ? desktopCommand() : headlessCommand();

/** @type {import('node:child_process').ChildProcess | null} */
let child = null;
let restarting = Promise.resolve();

const builds = await Promise.all([
  watchBuild(rendererConfig, () => say('The page has been built.')),
  watchBuild(preloadConfig, () => child !== null && restart()),
  watchBuild(mainConfig, restart),
]);
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM']))
  process.once(signal, async () => {
    await Promise.all(builds.map((build) => build.close()));
    await restarting;
    await stop();
    process.exit(0);
  });

function restart() {
  restarting = restarting.then(async () => {
    await stop();
    await makeExecutable();
    say('The engine has been built and starts …');
    child = spawn(program, args, { cwd: projectFolder, stdio: ['ignore', 'inherit', 'inherit'] });
  });
}

async function stop() {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** @returns {[string, ...string[]]} */
function headlessCommand() {
  return [process.execPath, path.join(projectFolder, 'dist/main/cli.js'), 'serve', ...flags];
}

/** @returns {[string, ...string[]]} */
function desktopCommand() {
  const found = findElectron(path.join(projectFolder, 'node_modules/electron'), process.env);
  if (!('executable' in found))
    throw new Error(`Electron cannot be started: ${found.missing}. \`npm start\` brings it.`);
  const asRoot = process.platform === 'linux' && process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return [found.executable, projectFolder, ...asRoot, ...flags];
}
