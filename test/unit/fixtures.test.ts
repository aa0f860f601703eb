import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const project = path.resolve(import.meta.dirname, '../..');
const fixtures = path.join(project, 'test/fixtures');
const page = readFileSync(path.join(fixtures, 'README.md'), 'utf8');
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| trap |') && !line.startsWith('| --- |'))
  .map((line) => line.split(' | '));

describe('the list of traps', () => {
  it('names a public source for each, and what shows it', () => {
    expect(rows.length).toBeGreaterThan(50);
    for (const [trap, source, shown] of rows) {
      expect(source, trap).toMatch(/^https:\/\/\S+(?:, https:\/\/\S+)*$/);
      expect(shown, trap).toMatch(/`\S+\/\S+`|the long conversation/);
    }
  });

  it('names files that are there', () => {
    const named = [...page.matchAll(/`((?:test|anthropic|openai-[a-z-]+|ollama)\/[\w./-]+\.\w+)`/g)].map(
      ([, name = '']) => name,
    );
    expect(named.length).toBeGreaterThan(100);
    const missing = named.filter((name) => !existsSync(path.join(name.startsWith('test/') ? project : fixtures, name)));
    expect(missing).toEqual([]);
  });
});
