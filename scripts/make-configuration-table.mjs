// `node scripts/run.mjs scripts/make-configuration-table.mjs`: writes the tables of docs/configuration.md from the schema in
// src-shared/config.ts and the providers' defaults. A unit test fails while they are out of date.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { withConfigurationTables } from './lib/configuration-table.ts';
import { projectFolder } from './lib/project.ts';

const file = path.join(projectFolder, 'docs/configuration.md');
await writeFile(file, withConfigurationTables(await readFile(file, 'utf8')));
