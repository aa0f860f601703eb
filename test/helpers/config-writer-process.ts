/** A writer in a process of its own: `config-writer-process.ts HOME WRITER COUNT`. Says what it was told, in JSON. */
import { makeManager, type WriterStep, writeSteps } from './config-writer.ts';

const [home = '', writer = '', count = ''] = process.argv.slice(2);
const kinds = ['own', 'shared', 'own', 'comment'] as const;
const steps = Array.from(
  { length: Number(count) },
  (_, index): WriterStep => ({
    what: kinds[index % kinds.length] ?? 'own',
    how: index % 3 === 0 ? 'save' : 'edit',
    thinks: index % 5,
  }),
);
process.stdout.write(JSON.stringify(await writeSteps(makeManager(home), writer, steps)));
