import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import packageFile from '../../package.json' with { type: 'json' };
import { withConfigurationTables } from '../../scripts/lib/configuration-table.ts';
import { validateConfig } from '../../src-main/config/validate.ts';
import { errorTable } from '../../src-shared/errors.ts';

const project = path.resolve(import.meta.dirname, '../..');
const read = (page: string): string => readFileSync(path.join(project, page), 'utf8');

const pages = [project, path.join(project, 'docs')].flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.relative(project, path.join(folder, name))),
);

function blocksOf(page: string, language: string): string[] {
  return [...read(page).matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, text = '']) => text);
}

/** What in an example is no configuration, in words. */
function problemsIn(example: string): string[] {
  const { problems } = validateConfig(parse(example), () => ({ in: 'nowhere' }));
  return (problems ?? []).map((problem) => `${problem.path}: ${problem.message}`);
}

describe('the documents', () => {
  it('of the configuration list every field as the schema has it', () => {
    const page = read('docs/configuration.md');
    // `node scripts/run.mjs scripts/make-configuration-table.mjs` brings it up to date.
    expect(page).toBe(withConfigurationTables(page));
  });

  it('of the errors list every one as the table has it', () => {
    const rows = [...read('docs/protocols.md').matchAll(/^\| `(\w+)` \| (\d+) \| `(\w+)` \| (yes|no) \| .+ \|$/gm)];
    const listed = rows.map(([, code, status, kind, retry]) => ({ code, status: Number(status), kind, retry }));
    const expected = Object.entries(errorTable).map(([code, { status, kind, retryable }]) => ({
      code,
      status,
      kind,
      retry: retryable ? 'yes' : 'no',
    }));
    expect(listed).toEqual(expected);
  });

  it('show configurations that are valid', () => {
    const examples = ['README.md', 'docs/configuration.md', 'docs/routing.md', 'docs/mcp.md'].flatMap((page) =>
      blocksOf(page, 'yaml'),
    );
    expect(examples.length).toBeGreaterThanOrEqual(4);
    expect(examples.flatMap(problemsIn)).toEqual([]);
  });

  it.each(pages)('%s links to files that are there', (page) => {
    const targets = [...read(page).matchAll(/\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"/g)]
      .map(([, link, source]) => (link ?? source ?? '').split('#', 1)[0] ?? '')
      .filter((target) => target !== '' && !/^[a-z]+:/.test(target));
    const folder = path.join(project, path.dirname(page));
    expect(targets.filter((target) => !existsSync(path.join(folder, target)))).toEqual([]);
  });

  it.each(pages)('%s names source files that are there', (page) => {
    const named = [...read(page).matchAll(/`((?:src-main|src-shared|src-renderer|scripts|test|docs)\/[^`*<{ ]+)`/g)];
    expect(named.flatMap(([, file = '']) => (existsSync(path.join(project, file)) ? [] : [file]))).toEqual([]);
  });

  it.each(pages)('%s names npm scripts that are there', (page) => {
    const named = [...read(page).matchAll(/npm run ([a-z:]+)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !(name in packageFile.scripts))).toEqual([]);
  });
});
