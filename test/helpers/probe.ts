/** Preloaded (`node --import`) into a process with a channel (`stdio: [… 'ipc']`), it tells what of CProxy is in its memory. */
import { queryObjects } from 'node:v8';
import { Configured } from '../../src-main/configured.ts';
import { BaseProvider } from '../../src-main/providers/base-provider.ts';
// Makes all classes of providers known.
import '../../src-main/providers/provider-types.ts';

/** What a process holds, after its garbage has been collected. */
export interface Held {
  providers: number;
  configurations: number;
  heapBytes: number;
}

/** Counts what has the prototype of a class, which the prototypes of its subclasses have, too. */
function counter(made: abstract new (...args: never[]) => unknown): () => number {
  const count = () => queryObjects(made as new (...args: unknown[]) => unknown, { format: 'count' });
  const atFirst = count();
  return () => count() - atFirst;
}
const providers = counter(BaseProvider);
const configurations = counter(Configured);

process.on('message', () => {
  const held: Held = {
    providers: providers(),
    configurations: configurations(),
    heapBytes: process.memoryUsage().heapUsed,
  };
  process.send?.(held);
});
// It ends when everything else has.
process.channel?.unref();
