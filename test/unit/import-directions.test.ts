import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const project = path.resolve(import.meta.dirname, '../..');
const biome = path.join(project, 'node_modules/@biomejs/biome/bin/biome');

const foldersIn = (folder: string): string[] =>
  readdirSync(path.join(project, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

const rooms = foldersIn('src-main');
const browserPackages = [
  'react',
  'react-dom/client',
  'zustand',
  '@orpc/client',
  '@orpc/client/websocket',
  '@orpc/contract',
];
const aboveEngine = ['cli', 'desktop', 'clients', 'doctor'];
const below = {
  control: ['pipeline', 'routing', 'providers', 'protocols'],
  pipeline: ['routing', 'providers', 'protocols'],
};

/**
 * What files of a folder may import besides that folder and src-shared: rooms, single files of them, packages. `*` is any
 * package but electron. A room that is not listed here has no rules yet, and the test says so.
 */
const allowed: Record<string, readonly string[]> = {
  'src-main/desktop.ts': ['desktop', 'config', '*', 'electron'],
  'src-main/desktop/': [
    ...['engine.ts', 'control', 'config', 'observability', 'cli/start-message.ts', 'cli/output.ts'],
    ...['*', 'electron'],
  ],
  'src-main/cli.ts': ['cli', '*'],
  'src-main/cli/': [
    ...['engine.ts', 'simulation.ts', 'config', 'secrets', 'observability', 'documents', 'clients', 'doctor'],
    ...['mcp/rpc-codes.ts', 'mcp/stdio/backend.ts', 'mcp/stdio/frames.ts', 'mcp/stdio/relay.ts', '*'],
  ],
  'src-main/engine.ts': ['simulation.ts', ...rooms.filter((room) => !aboveEngine.includes(room)), '*'],
  'src-main/clients/': ['documents', 'config/private-file.ts', 'config/folders.ts', '*'],
  'src-main/doctor/': ['engine.ts', 'config', 'secrets', 'observability', '*'],
  'src-main/documents/': ['*'],
  'src-main/server/': ['control', 'mcp', ...below.control, 'observability/logger.ts', '*'],
  'src-main/mcp/': ['control/control-router.ts', 'pipeline', 'protocols', 'providers/quirks.ts', '*'],
  'src-main/mcp/tools/': ['protocols', '*'],
  'src-main/control/': [
    ...below.control,
    'observability/logger.ts',
    'observability/request-log.ts',
    'observability/all-requests.ts',
    '*',
  ],
  'src-main/pipeline/': [...below.pipeline, '*'],
  'src-main/routing/': ['providers', 'protocols', '*'],
  'src-main/routing/strategies/': ['providers', 'protocols', '*'],
  'src-main/providers/': ['protocols', '*'],
  'src-main/protocols/': ['node:crypto'],
  'src-main/protocols/anthropic/': ['node:crypto'],
  'src-main/protocols/markup/': ['node:crypto'],
  'src-main/protocols/ollama/': ['node:crypto'],
  'src-main/protocols/openai-chat/': ['node:crypto'],
  'src-main/protocols/openai-responses/': ['node:crypto'],
  'src-main/config/': ['documents', 'routing/regular-expression.ts', 'secrets/redact.ts', '*'],
  'src-main/config/import/': ['documents', 'secrets/redact.ts', '*'],
  'src-main/secrets/': ['config/private-file.ts', '*'],
  'src-main/observability/': ['pipeline', '*'],
  'src-main/storage/': ['protocols', 'pipeline/reasoning-memory.ts', '*'],
  'src-main/storage/history/': ['storage', '*'],
  'src-main/cache/': ['pipeline', 'protocols', '*'],
  'src-main/limits/': ['pipeline', 'routing', 'providers', 'protocols', 'storage', '*'],
  'src-main/recording/': ['pipeline', 'protocols', 'storage', 'secrets/redact.ts', '*'],
  'src-main/counting/': ['protocols', 'pipeline/local-counter.ts', '*'],
  'src-renderer/': [...browserPackages],
  'src-renderer/stores/': [...browserPackages],
  'src-shared/': ['zod', '@orpc/contract'],
};

const packages = [
  ...['node:fs', 'node:fs/promises', 'node:http', 'node:net', 'node:crypto', 'undici', 'fastify', 'zod'],
  ...browserPackages,
];
/** The single files that some room may import, each of a room that it may not import as a whole. */
const exceptions = Object.values(allowed)
  .flat()
  .filter((name) => /^[a-z]+\/.*\.ts$/.test(name));

interface Import {
  /** As `allowed` names it. */
  name: string;
  specifier: string;
}

/** Everything that a file could import and that is not its own folder or src-shared. */
function importsOf(file: string): Import[] {
  const folder = path.posix.dirname(file);
  const specifierOf = (target: string): string => {
    const specifier = path.posix.relative(folder, target);
    return specifier.startsWith('.') ? specifier : `./${specifier}`;
  };
  const roomOf = (target: string): string => target.split('/').slice(0, -1)[1] ?? '';
  const targets = [
    ...rooms.map((room) => `${room}/other.ts`),
    ...exceptions,
    'engine.ts',
    'simulation.ts',
    'cli.ts',
    'desktop.ts',
  ];
  const inMain = targets
    .filter((target) => `src-main/${target}` !== file)
    .filter((target) => roomOf(file) === '' || roomOf(file) !== roomOf(`src-main/${target}`))
    .map((target) => ({ name: target.replace('/other.ts', ''), specifier: specifierOf(`src-main/${target}`) }));
  const pages = { name: 'src-renderer', specifier: specifierOf('src-renderer/pages/other.ts') };
  return [
    ...inMain,
    ...(file.startsWith('src-renderer/') ? [] : [pages]),
    ...[...packages, 'electron'].map((name) => ({ name, specifier: name })),
  ];
}

function mayImport(names: readonly string[], { name }: Import): boolean {
  if (names.includes(name) || names.includes(name.split('/', 1)[0] ?? '')) return true;
  return packages.includes(name) && names.includes('*');
}

/** Runs the one rule. Gives `FILE:LINE` of everything it refuses. */
function refused(folder: string): string[] {
  const args = [biome, 'lint', '--only=style/noRestrictedImports', '--reporter=github', '--max-diagnostics=none', '.'];
  const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  const found = stdout.matchAll(/title=lint\/style\/noRestrictedImports,file=([^,]+),line=(\d+)/g);
  return [...found].map(([, file, line]) => `${path.relative(folder, path.resolve(folder, file ?? ''))}:${line}`);
}

/** The file that stands for a folder; a file stands for itself. */
const fileFor = (place: string): string => (place.endsWith('/') ? `${place}importer.ts` : place);

let scratch = '';
let refusals: readonly string[] = [];

beforeAll(() => {
  // Outside the tree, so that nothing else that looks at it finds these files.
  scratch = mkdtempSync(path.join(tmpdir(), 'cproxy-imports-'));
  for (const name of ['biome.json', '.gitignore']) cpSync(path.join(project, name), path.join(scratch, name));
  for (const file of Object.keys(allowed).map(fileFor)) {
    mkdirSync(path.join(scratch, path.dirname(file)), { recursive: true });
    const lines = importsOf(file).map(({ specifier }) => `import '${specifier}';\n`);
    writeFileSync(path.join(scratch, file), lines.join(''));
  }
  refusals = refused(scratch);
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('import directions', () => {
  it('has rules for every room', () => {
    const judged = new Set(Object.keys(allowed));
    const folders = [
      ...rooms.map((room) => `src-main/${room}/`),
      ...foldersIn('src-main/protocols').map((dialect) => `src-main/protocols/${dialect}/`),
    ];
    expect(folders.filter((folder) => !judged.has(folder))).toEqual([]);
  });

  it.each(Object.entries(allowed))('lets %s import exactly what it may', (place, names) => {
    const file = fileFor(place);
    const imports = importsOf(file);
    const found = imports.filter((_, index) => refusals.includes(`${file}:${index + 1}`));
    const expected = imports.filter((one) => !mayImport(names, one));
    expect(found.map(({ specifier }) => specifier)).toEqual(expected.map(({ specifier }) => specifier));
    expect(expected).not.toEqual([]);
  });

  it('sees types, exports and imports at run time too', () => {
    const folder = path.join(scratch, 'forms');
    mkdirSync(path.join(folder, 'src-main/routing'), { recursive: true });
    for (const name of ['biome.json', '.gitignore']) cpSync(path.join(project, name), path.join(folder, name));
    const lines = [
      "import type { Answer } from '../pipeline/answer.ts';",
      "export { Answer } from '../pipeline/answer.ts';",
      "export * from '../pipeline/answer.ts';",
      "export const answer = import('../pipeline/answer.ts');",
    ];
    writeFileSync(path.join(folder, 'src-main/routing/forms.ts'), lines.join('\n'));
    expect(refused(folder)).toEqual(lines.map((_, index) => `src-main/routing/forms.ts:${index + 1}`));
  });

  it('are kept by the present tree', () => {
    expect(refused(project)).toEqual([]);
  });
});
