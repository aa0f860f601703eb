import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { RotatingFile } from '../../../src-main/observability/rotating-file.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function setUp(options: { maxBytes?: number; maxFiles?: number; file?: string } = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'cproxy-log-'));
  folders.push(folder);
  const failures: string[] = [];
  const clock = { now: 1_000_000 };
  const file = options.file ?? path.join(folder, 'logs', 'cproxy.log');
  const log = new RotatingFile({
    ...{ maxBytes: 100, maxFiles: 3, ...options, file },
    onFailure: (error) => failures.push(String(error)),
    now: () => clock.now,
  });
  return { folder, file, log, failures, clock };
}

test('the newest lines are in the file, older ones beside it, and the oldest are gone', async () => {
  const { file, log, failures } = setUp();
  for (let index = 10; index < 50; index += 1) {
    log.write(`line ${index} ${'x'.repeat(11)}`);
    await log.flush();
  }
  const files = readdirSync(path.dirname(file)).sort();
  expect(files).toEqual(['cproxy.log', 'cproxy.log.1', 'cproxy.log.2']);
  const numbers = [...files].reverse().flatMap(
    (name) =>
      readFileSync(path.join(path.dirname(file), name), 'utf8')
        .match(/(?<=line )\d+/g)
        ?.map(Number) ?? [],
  );
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => 50 - numbers.length + index));
  expect(numbers.length).toBeGreaterThan(10);
  for (const name of files) expect(statSync(path.join(path.dirname(file), name)).size).toBeLessThanOrEqual(100);
  if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(failures).toEqual([]);
});

test('a single file begins anew, and a line that is longer than a file is written all the same', async () => {
  const { file, log } = setUp({ maxFiles: 1 });
  log.write('x'.repeat(150));
  await log.flush();
  expect(readFileSync(file, 'utf8')).toHaveLength(151);
  log.write('short');
  await log.flush();
  expect(readFileSync(file, 'utf8')).toBe('short\n');
  expect(readdirSync(path.dirname(file))).toEqual(['cproxy.log']);
});

test('one that cannot be written is told of once, and goes on when it can', async () => {
  const { folder, file, log, failures, clock } = setUp();
  // A file where its folder should be.
  writeFileSync(path.join(folder, 'logs'), '');
  for (const line of ['a', 'b', 'c']) {
    log.write(line);
    await log.flush();
    clock.now += 31_000;
  }
  expect(failures).toHaveLength(1);
  rmSync(path.join(folder, 'logs'));
  log.write('d');
  await log.flush();
  expect(readFileSync(file, 'utf8')).toBe('d\n');
  rmSync(path.join(folder, 'logs'), { recursive: true });
  writeFileSync(path.join(folder, 'logs'), '');
  log.write('e');
  await log.flush();
  expect(failures).toHaveLength(2);
});
