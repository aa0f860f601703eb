import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../../..');

/** All files and packages that are loaded with a file, without what it loads later by `import()`. */
function loadedWith(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  if (!file.endsWith('.ts')) return seen;
  const source = readFileSync(path.join(root, file), 'utf8');
  for (const [, names = '', from = ''] of source.matchAll(/^(?:import|export) ([^;'"]*?)from '([^']+)'/gm)) {
    const isType = names.startsWith('type ') || /^\{\s*(?:type [\w\s]+,?\s*)+\}\s*$/.test(names);
    if (!isType) loadedWith(from.startsWith('.') ? path.join(path.dirname(file), from) : from, seen);
  }
  return seen;
}

const ofOpenTelemetry = (file: string): string[] =>
  [...loadedWith(file)].filter((name) => name.startsWith('@opentelemetry/'));

test('OpenTelemetry is loaded only where a collector is configured', () => {
  expect([...loadedWith('src-main/engine.ts')]).toContain('src-main/observability/telemetry.ts');
  expect(ofOpenTelemetry('src-main/engine.ts')).toEqual([]);
  expect(ofOpenTelemetry('src-main/observability/telemetry-export.ts')).toContain('@opentelemetry/sdk-trace');
});
