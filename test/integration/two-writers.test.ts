import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ensureFolders, resolveFolders } from '../../src-main/config/folders.ts';
import { loadConfig } from '../../src-main/config/load-config.ts';
import { makeManager, readPlace, startText, type Told, type WriterStep, writeSteps } from '../helpers/config-writer.ts';

vi.setConfig({ testTimeout: 60_000 });

let home: string;
let file: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'cproxy-writers-'));
  file = path.join(home, 'config.yaml');
  ensureFolders(resolveFolders({ CPROXY_HOME: home }));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** That all that was told is true of the file as it is in the end. */
async function expectTold(told: readonly Told[], writers: readonly string[]): Promise<void> {
  const text = await readFile(file, 'utf8');
  loadConfig({ env: {}, folders: resolveFolders({ CPROXY_HOME: home }) });
  expect(text).toContain('  - { id: p, type: demo } # stays\n');
  const saved = told.filter(({ state }) => state === 'saved');
  for (const writer of writers) {
    const last = (what: Told['what']) => saved.findLast((one) => one.writer === writer && one.what === what);
    expect(readPlace(text, writer, 'own')).toBe(last('own')?.value ?? 'start');
    expect(readPlace(text, writer, 'comment').split(' ')[0]).toBe(last('comment')?.value ?? 'start');
  }
  // Of two that began with the same value, one must have been told of the other.
  const shared = saved.filter(({ what }) => what === 'shared');
  expect(new Set(shared.map(({ before }) => before)).size).toBe(shared.length);
  const values = ['start', ...shared.map(({ value }) => value)];
  const [final, ...others] = values.filter((value) => !shared.some(({ before }) => before === value));
  expect([readPlace(text, '', 'shared'), others]).toEqual([final, []]);
  expect(told.flatMap(({ problems }) => problems)).toEqual([]);
  for (const { state, what, paths } of told) {
    if (state === 'conflict' && what !== 'comment') expect(paths).toEqual(what === 'shared' ? ['aliases.shared'] : []);
  }
}

const step: fc.Arbitrary<WriterStep> = fc.record({
  what: fc.constantFrom('own', 'own', 'shared', 'comment'),
  how: fc.constantFrom('edit', 'save'),
  thinks: fc.nat(20),
});

it('what was saved is there, whoever else has written, and conflicts are told', async () => {
  let conflicts = 0;
  let merged = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 4 }),
      async (scripts) => {
        const writers = scripts.map((_, index) => `w${index}`);
        await writeFile(file, startText(writers));
        // Two engines, or an engine and a command; each with one client or two.
        const managers = [makeManager(home), makeManager(home)] as const;
        const told = await Promise.all(
          scripts.map((steps, index) => writeSteps(managers[index % 2 === 0 ? 0 : 1], `w${index}`, steps)),
        );
        await expectTold(told.flat(), writers);
        conflicts += told.flat().filter(({ state }) => state === 'conflict').length;
        merged += told.flat().filter((one) => one.merged).length;
        for (const manager of managers) {
          expect((await manager.reload()).problems).toEqual([]);
          expect(manager.loaded.text).toBe(await readFile(file, 'utf8'));
        }
      },
    ),
    { numRuns: 40 },
  );
  // Else nothing was tried.
  expect(conflicts).toBeGreaterThan(0);
  expect(merged).toBeGreaterThan(0);
});

it('so it is with processes of their own', async () => {
  const writers = ['w0', 'w1', 'w2'];
  await writeFile(file, startText(writers));
  const program = path.resolve(import.meta.dirname, '../helpers/config-writer-process.ts');
  const told = await Promise.all(
    writers.map(async (writer): Promise<Told[]> => {
      const child = spawn(process.execPath, [program, home, writer, '24'], { stdio: ['ignore', 'pipe', 'inherit'] });
      return JSON.parse(await textOf(child.stdout)) as Told[];
    }),
  );
  await expectTold(told.flat(), writers);
  expect(told.flat()).toHaveLength(72);
  expect(told.flat().some(({ merged }) => merged)).toBe(true);
});

it('an editor that saves while others think is not forgotten, nor are they', async () => {
  const writers = ['w0', 'w1', 'editor'];
  await writeFile(file, startText(writers));
  const managers = [makeManager(home), makeManager(home)];
  for (let round = 0; round < 10; round += 1) {
    const bases = await Promise.all(managers.map((manager) => manager.file()));
    await writeFile(file, (await readFile(file, 'utf8')).replace(/^# of editor: .*$/m, `# of editor: ${round}`));
    const saved = await Promise.all(
      managers.map((manager, index) =>
        manager.edit({
          changes: [{ path: ['aliases', `own-w${index}`], value: `p/${round}` }],
          base: bases[index]?.version ?? '',
        }),
      ),
    );
    for (const one of saved) expect(one).toMatchObject({ state: 'saved', merged: true });
    const text = await readFile(file, 'utf8');
    expect(readPlace(text, 'editor', 'comment')).toBe(String(round));
    for (const writer of ['w0', 'w1']) expect(readPlace(text, writer, 'own')).toBe(String(round));
  }
});
