import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ReasoningStore } from '../../../src-main/storage/reasoning-store.ts';
import { folderForTest, signatureOf, turnOf } from '../../helpers/remembered-turns.ts';

const run = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;

/** A disk of its own; null where this user may not mount one. */
function smallDisk(): string | null {
  const folder = folderForTest();
  if (!run('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder)) return null;
  onTestFinished(() => {
    expect(run('umount', folder)).toBe(true);
  });
  return folder;
}

test('a full disk costs nothing but what would be on it, and is used again when there is room', async ({ skip }) => {
  const folder = smallDisk();
  if (folder === null) return skip('only root may mount a small disk');
  const warnings: string[] = [];
  const clock = { now: Date.now() };
  const open = (): ReasoningStore =>
    ReasoningStore.open({
      folder,
      maxBytes: 64 * 1024 * 1024,
      keepDays: 30,
      now: () => clock.now,
      waitMs: 10_000,
      onWarning: (text) => warnings.push(text),
    });
  const store = open();
  const filler = path.join(folder, 'filler');
  store.remember('c', 'before', turnOf('before'));
  expect(await store.stats()).toMatchObject({ state: 'disk', turns: 1 });
  const room = spawnSync('df', ['--output=avail', '-B1', folder]).stdout.toString().split('\n')[1];
  writeFileSync(filler, Buffer.alloc(Number(room)));
  store.remember('c', 'while full', turnOf('x', signatureOf(100_000)));
  expect(await store.stats()).toMatchObject({ state: 'memory', turns: 2 });
  expect(warnings).toEqual([
    `What is remembered of conversations is kept in memory only, until that works: there is no room left on the disk of ${path.join(folder, 'reasoning.db')}.`,
  ]);
  const recall = await store.recall('c');
  expect(recall('before') && recall('while full')).toBeDefined();

  rmSync(filler);
  clock.now += 1_000;
  expect(await store.stats()).toMatchObject({ state: 'disk', reason: null, turns: 2 });
  await store.close();
  const again = open();
  const later = await again.recall('c');
  expect(later('before') && later('while full')).toBeDefined();
  await again.close();
});
