/**
 * Preloaded (`node --import`), it kills its process as if the power had gone, at the N-th moment in which it changes the disk:
 * before each call that does, and amid each write, when half of it is there. `CRASH_AT` is N, the first moment being 1.
 */
import fs from 'node:fs';
import promises, { open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const at = Number(process.env.CRASH_AT);
let moments = 0;

const isMoment = (): boolean => {
  moments += 1;
  return moments === at;
};

const say = fs.writeSync;

function die(when: string, name: string, subject: unknown): never {
  say(2, `killed ${when} ${name} ${typeof subject === 'string' ? subject : ''}\n`);
  process.kill(process.pid, 'SIGKILL');
  throw new Error('A killed process went on');
}

type Call = (...args: unknown[]) => unknown;
type Module = Record<string, Call>;

function wrap(module: Module, name: string, wrapped: (original: Call) => Call): void {
  const original = module[name];
  if (original === undefined) throw new Error(`There is no ${name}`);
  module[name] = wrapped(original);
}

/** Opening changes the disk only where it may make or empty a file. */
const onlyReads = (name: string, args: readonly unknown[]): boolean =>
  name.startsWith('open') && (args[1] === undefined || args[1] === 'r');

const counted =
  (name: string) =>
  (original: Call): Call =>
    function counting(this: unknown, ...args) {
      if (!onlyReads(name, args) && isMoment()) die('before', name, args[0]);
      return original.apply(this, args);
    };

/** @param place where the text stands among the arguments */
const countedWrite =
  (name: string, place: number) =>
  (original: Call): Call =>
    function counting(this: unknown, ...args) {
      if (isMoment()) die('before', name, args[0]);
      if (!isMoment()) return original.apply(this, args);
      const text = String(args[place]);
      const half = original.apply(this, args.toSpliced(place, 1, text.slice(0, text.length / 2)));
      return half instanceof Promise ? half.then(() => die('amid', name, '')) : die('amid', name, '');
    };

const changes = 'open rename rm rmdir unlink mkdir chmod chown link symlink truncate copyFile utimes'.split(' ');
for (const name of changes) {
  wrap(promises as unknown as Module, name, counted(name));
  wrap(fs as unknown as Module, `${name}Sync`, counted(`${name}Sync`));
}
for (const name of ['writeFile', 'appendFile']) {
  wrap(promises as unknown as Module, name, countedWrite(name, 1));
  wrap(fs as unknown as Module, `${name}Sync`, countedWrite(`${name}Sync`, 1));
}
wrap(fs as unknown as Module, 'writeSync', (original) => {
  const count = countedWrite('writeSync', 1)(original);
  // What is printed is no change of the disk.
  return (...args) => (args[0] === 1 || args[0] === 2 ? original(...args) : count(...args));
});
for (const name of ['fsyncSync', 'ftruncateSync', 'fchmodSync', 'fchownSync'])
  wrap(fs as unknown as Module, name, counted(name));

const handle = await open(import.meta.filename);
const prototype = Object.getPrototypeOf(handle) as Module;
await handle.close();
for (const name of ['writeFile', 'appendFile', 'write']) wrap(prototype, name, countedWrite(`handle.${name}`, 0));
for (const name of ['sync', 'datasync', 'truncate', 'chmod', 'chown']) wrap(prototype, name, counted(`handle.${name}`));
syncBuiltinESMExports();
