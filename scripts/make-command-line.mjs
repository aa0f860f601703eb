// `node scripts/run.mjs scripts/make-command-line.mjs`: writes the help of every command into docs/command-line.md. A unit
// test fails while it is out of date.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { withCommands } from './lib/command-line.ts';
import { projectFolder } from './lib/project.ts';

const file = path.join(projectFolder, 'docs/command-line.md');
await writeFile(file, withCommands(await readFile(file, 'utf8')));
