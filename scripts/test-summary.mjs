// The last step of .ci/run: `test-summary.mjs [STEP ...]` names the steps that failed, reads Vitest's report and ends with
// a line such as `412 passed, 0 failed`. Fails when anything failed, or was skipped that can be had.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { projectFolder, say } from './lib/project.ts';
import { summarize } from './lib/summarize.ts';

const report = await readFile(path.join(projectFolder, 'coverage/tests.json'), 'utf8').catch(() => null);
const summary = summarize(report, process.argv.slice(2));
for (const complaint of summary.complaints) say(complaint);
say(summary.line);
process.exitCode = summary.ok ? 0 : 1;
