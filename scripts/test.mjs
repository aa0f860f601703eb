// `npm test [-- ARG ...]`: all tests, with coverage. Arguments go to Vitest: `npm test -- test/unit/routing -t weighted`.
// Tests whose programs are missing are skipped, by name; nothing is installed.
import path from 'node:path';
import { missingPrograms } from '../test/helpers/missing-programs.ts';
import { projectFolder, say } from './lib/project.ts';
import { runChild } from './lib/run-child.ts';

const missing = missingPrograms();
if (missing.length > 0) {
  say('Programs that some tests need are missing; those tests are skipped:');
  for (const program of missing) say(`  ${program.name.padEnd(20)} ${program.bring}`);
}

const vitest = path.join(projectFolder, 'node_modules/vitest/vitest.mjs');
const report = ['--reporter=default', '--reporter=json', '--outputFile.json=coverage/tests.json'];
const args = [vitest, 'run', '--coverage', ...report, ...process.argv.slice(2)];
const end = await runChild(process.execPath, args, process.env, projectFolder);
process.exitCode = end.code;
