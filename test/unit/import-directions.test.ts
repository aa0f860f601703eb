import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

/**
 * Import directions are rules of biome.json. Here each of them is tried out: a copy of the configuration judges files that
 * import everything, and what it refuses must be exactly what is not listed below.
 */

const project = path.resolve(import.meta.dirname, '../..');
const biome = path.join(project, 'node_modules/@biomejs/biome/bin/biome');

/** Outside this list, a folder of src-main has no rules, and the test says so. */
const rooms = readdirSync(path.join(project, 'src-main'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);
const protocolFolders = readdirSync(path.join(project, 'src-main/protocols'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => `protocols/${entry.name}`);

const belowPipeline = ['routing', 'providers', 'protocols'];
/** What a file may import besides its own folder and src-shared: whole rooms, or single files of them. */
const allowed: Record<string, readonly string[]> = {
  'src-main/desktop.ts': ['desktop', 'config', 'electron', 'packages'],
  'src-main/desktop': [
    'engine.ts',
    'cli/start-message.ts',
    'cli/output.ts',
    'control',
    'config',
    'observability',
    'electron',
    'packages',
  ],
  'src-main/cli.ts': ['cli', 'packages'],
  'src-main/cli': ['engine.ts', 'config', 'secrets', 'observability', 'packages'],
  'src-main/engine.ts': [...rooms.filter((room) => room !== 'cli' && room !== 'desktop'), 'packages'],
  'src-main/server': ['control', 'pipeline', ...belowPipeline, 'observability/logger.ts', 'packages'],
  'src-main/control': [
    'pipeline',
    ...belowPipeline,
    'observability/logger.ts',
    'observability/request-log.ts',
    'packages',
  ],
  'src-main/pipeline': [...belowPipeline, 'packages'],
  'src-main/routing': ['providers', 'protocols', 'packages'],
  'src-main/providers': ['protocols', 'packages'],
  'src-main/protocols': ['node:crypto'],
  'src-main/config': ['secrets/redact.ts', 'packages'],
  'src-main/secrets': ['config/private-file.ts', 'packages'],
  'src-main/observability': ['pipeline/events.ts', 'packages'],
  'src-renderer': ['react', 'react-dom/client', 'zustand', '@orpc/client', '@orpc/client/websocket', '@orpc/contract'],
  'src-renderer/components': ['react', 'zustand', '@orpc/client', '@orpc/contract'],
  'src-shared': ['zod', '@orpc/contract'],
};
for (const folder of protocolFolders) allowed[`src-main/${folder}`] = ['node:crypto'];

const packages = [
  'node:fs',
  'node:fs/promises',
  'node:http',
  'node:net',
  'node:crypto',
  'undici',
  'fastify',
  'zod',
  'react',
  'react-dom/client',
  'zustand',
  '@orpc/client',
  '@orpc/client/websocket',
  '@orpc/contract',
];
/** Single files stand for the exceptions; `other.ts` stands for the rest of a room. */
const files = [
  'cli/start-message.ts',
  'cli/output.ts',
  'observability/logger.ts',
  'observability/request-log.ts',
  'secrets/redact.ts',
  'config/private-file.ts',
  'pipeline/events.ts',
];

interface Import {
  /** As `allowed` names it. */
  name: string;
  specifier: string;
}

/** Everything there is to import from a file, but what is always allowed: its own folder and src-shared. */
function importsFrom(file: string): Import[] {
  const from = path.posix.dirname(file);
  const relative = (target: string): string => {
    const way = path.posix.relative(from, target);
    return way.startsWith('.') ? way : `./${way}`;
  };
  const own = from.split('/')[1];
  const inMain = [...rooms.map((room) => `${room}/other.ts`), ...files, 'engine.ts', 'cli.ts', 'desktop.ts'];
  return [
    ...inMain
      .filter((target) => from === 'src-main' || target.split('/')[0] !== own)
      .filter((target) => `src-main/${target}` !== file)
      .map((target) => ({ name: target.replace('/other.ts', ''), specifier: relative(`src-main/${target}`) })),
    ...(from.startsWith('src-renderer')
      ? []
      : [{ name: 'src-renderer', specifier: relative('src-renderer/bridge/bridge.ts') }]),
    ...packages.map((name) => ({ name, specifier: name })),
    { name: 'electron', specifier: 'electron' },
  ];
}

function isAllowed({ name }: Import, list: readonly string[]): boolean {
  if (list.includes(name) || list.includes(name.split('/')[0] ?? '')) return true;
  return packages.includes(name) && list.includes('packages');
}

const reportSchema = z.object({
  diagnostics: z.array(
    z.object({
      category: z.string().nullish(),
      location: z.object({ path: z.string(), start: z.object({ line: z.number() }) }).partial(),
    }),
  ),
});
