// Runs a script of this project on the right Node: `node scripts/run.mjs SCRIPT [ARG ...]`.
// Written without newer syntax, so that an old Node gets as far as the message below.
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const needed = 24;
const major = Number(process.versions.node.split('.')[0]);
const script = process.argv[2];

if (major < needed) {
  process.stderr.write(
    [
      `CProxy needs Node ${needed} or newer; this is Node ${process.versions.node}.`,
      'On Linux x64 `npm ci` brings the right one along for `npm start`, `npm test` and the other npm scripts',
      '(not with --omit=optional). Elsewhere install Node 24 from https://nodejs.org or with a version manager',
      '(`nvm install 24`, `fnm install 24`, `brew install node@24`) and run the command again.',
      '',
    ].join('\n'),
  );
  process.exitCode = 1;
} else if (script === undefined) {
  process.stderr.write('Usage: node scripts/run.mjs SCRIPT [ARG ...]\n');
  process.exitCode = 2;
} else {
  const file = path.resolve(script);
  // The script sees its own arguments where it would have them if it had been started itself.
  process.argv = [process.argv[0], file].concat(process.argv.slice(3));
  import(pathToFileURL(file).href).catch((error) => {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    process.exitCode = 1;
  });
}
