import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { versionOf } from '../../src-main/config/config-manager.ts';
import { resolveFolders } from '../../src-main/config/folders.ts';
import { readLock } from '../../src-main/config/lock-file.ts';
import { brokenText, KEY_VARIABLES, type Random, randomConfig, randomOf } from './changing-config.ts';
import type { Held } from './probe.ts';
import { startUpstream } from './scriptable-upstream.ts';
import { seededRandom } from './seeded-random.ts';
import { serveEngine } from './served-engine.ts';
import { startSteadyClients, steadyScript } from './steady-clients.ts';
import { waitUntil } from './wait-until.ts';

/** Of so many requests the engine remembers how they were routed. */
const KEPT_REQUESTS = 1_000;

export interface ReloadUnderLoad {
  /** Changes of the file that were put in force, and others. */
  inForce: number;
  refused: number;
  /** Of the former, those with another port. */
  rebound: number;
  /** From the end of the write until it was in force, in ms, for each. */
  tookMs: number[];
  answered: number;
  moved: number;
  failures: readonly string[];
  /** What the engine counts as failed. */
  failedRequests: number;
  /** Providers of the first configuration, and of the last. */
  atFirst: number;
  configured: number;
  /** In the end, when nobody asks any more. */
  held: Held;
}

/**
 * Changes the configuration file of a `cproxy serve` again and again, in every way in which files are written, while clients ask it
 * all the time.
 */
export async function reloadUnderLoad({
  changes,
  clients,
  seed,
}: {
  changes: number;
  clients: number;
  seed: number;
}): Promise<ReloadUnderLoad> {
  const random = randomOf(seededRandom(seed));
  const home = await mkdtemp(path.join(tmpdir(), 'cproxy-reload-'));
  const file = path.join(home, 'config.json');
  const keys = KEY_VARIABLES.map((name) => `sk-${name.toLowerCase()}-0123456789`);
  const upstreams = await Promise.all([startUpstream(), startUpstream(), startUpstream()]);
  const pace = (delayMs: number): void => {
    for (const upstream of upstreams) upstream.script(steadyScript(keys, delayMs));
  };
  pace(3);
  const urls = upstreams.map(({ url }) => url);
  const { data } = resolveFolders({ CPROXY_HOME: home });
  try {
    let port = await freePort(random);
    let config = randomConfig(random, { urls, port });
    const atFirst = config.providers?.length ?? 0;
    await writeFile(file, JSON.stringify(config, null, 2));
    const env = Object.fromEntries(KEY_VARIABLES.map((name, index) => [name, keys[index]]));
    await using served = await serveEngine(home, { env });
    const where = () => waitUntil('an endpoint', () => readLock(data)?.endpoint);
    // While it moves to another port, there may be a moment in which it cannot be asked.
    const state = () =>
      served
        .control((client) => client.status())
        .then(
          (status) => status.config,
          () => null,
        );
    await using load = startSteadyClients(clients, { token: served.token, where });

    const result = { inForce: 0, refused: 0, rebound: 0, tookMs: [] as number[] };
    for (let change = 1; change <= changes; change += 1) {
      // Requests are not kept, or the memory of this process would be what grows.
      for (const upstream of upstreams) upstream.reset();
      if (change % 6 === 0) {
        const text = brokenText(random, JSON.stringify(config, null, 2));
        await writeSomehow(random, file, text);
        await waitUntil('the problems', async () => ((await state())?.problems.length ?? 0) > 0);
        result.refused += 1;
        continue;
      }
      if (change % 5 === 0) {
        port = await freePort(random);
        result.rebound += 1;
      }
      config = randomConfig(random, { urls, port });
      // No text is the same as another, or it would be in force before it is written.
      const text = JSON.stringify({ ...config, environments: {}, $schema: `https://example.com/${change}` }, null, 2);
      await writeSomehow(random, file, text);
      const writtenAt = Date.now();
      const { since } = await waitUntil('it to be in force', async () => {
        const now = await state();
        return now?.version === versionOf(text) ? now : null;
      });
      result.tookMs.push(since - writtenAt);
      result.inForce += 1;
    }
    // Of the last thousand requests it is kept how they went, and by whom.
    pace(0);
    const end = load.answered + KEPT_REQUESTS + 2 * clients;
    await waitUntil('the last requests', () => load.answered + load.failures.length > end, 60_000);
    await load.stop();
    const { requests } = await served.control((client) => client.status());
    return {
      ...result,
      answered: load.answered,
      moved: load.moved,
      failures: load.failures,
      failedRequests: requests.failed,
      atFirst,
      configured: config.providers?.length ?? 0,
      held: await served.held(),
    };
  } finally {
    for (const upstream of upstreams) await upstream.close();
    await rm(home, { recursive: true, force: true });
  }
}

/** In place, as editors do, or first away and then there. */
async function writeSomehow(random: Random, file: string, text: string): Promise<void> {
  const way = random.below(4);
  if (way === 0) return writeFile(file, text);
  if (way === 1) await rm(file);
  await writeFile(`${file}~`, text);
  await rename(`${file}~`, file);
}

/** One that systems do not give to connections by themselves: hundreds are made meanwhile. */
async function freePort(random: Random): Promise<number> {
  for (;;) {
    const port = 20_000 + random.below(10_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
