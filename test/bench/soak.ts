import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { withSubject } from './case.ts';
import { startHelper } from './ipc.ts';
import { chart, growthOf, type MemorySample } from './memory-curve.ts';
import { startUpstream } from './mock.ts';
import { openFilesOf, residentBytesOf } from './processes.ts';
import { builtCli, createCproxy } from './subjects/cproxy.ts';

const workers = 12;
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

const reportSchema = z.object({
  counts: z.record(z.string(), z.number()),
  wrong: z.record(z.string(), z.object({ count: z.number(), first: z.string() })),
});

/** About 60 are open under this load: its own connections, those to the upstream, and what Node keeps. */
const openFilesBound = 200;

/** Runs the mixed load and prints the memory curve. Returns whether memory, open files and all outcomes were right. */
async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: { seconds: { type: 'string', default: '600' }, cli: { type: 'string', default: builtCli } },
  });
  if (process.platform !== 'linux') throw new Error('the soak reads memory from /proc: it needs Linux');
  const seconds = Number(values.seconds);
  if (!(seconds >= 6)) throw new Error('--seconds must be a number of at least 6');
  // Ten seconds apart in the full run; a short one keeps enough samples to see a curve.
  const everySeconds = Math.min(10, seconds / 30);
  const cproxy = createCproxy(values.cli);
  await cproxy.prepare();
  const upstream = await startUpstream();
  const load = await startHelper('./soak-load.ts');
  try {
    return await withSubject(cproxy, 'pass-through', upstream.origin, async (running) => {
      const token = running.request.headers.authorization?.replace('Bearer ', '') ?? '';
      say(`Memory of CProxy under a mixed load of ${workers} workers for ${seconds} s:`);
      const samples: MemorySample[] = [{ seconds: 0, bytes: residentBytesOf(running.pid) }];
      await load.call('start', { port: running.port, token, workers });
      const startedAt = performance.now();
      const elapsed = (): number => (performance.now() - startedAt) / 1_000;
      for (let next = everySeconds; next <= seconds; next += everySeconds) {
        await delay(Math.max(0, (next - elapsed()) * 1_000));
        const bytes = residentBytesOf(running.pid);
        if (bytes === 0) throw new Error('CProxy has ended');
        samples.push({ seconds: elapsed(), bytes });
        say(
          `${elapsed().toFixed(0).padStart(5)} s  ${(bytes / 1e6).toFixed(0).padStart(4)} MB  ${openFilesOf(running.pid)} open files`,
        );
      }
      const openFiles = openFilesOf(running.pid);
      await load.call('stop');
      const { counts, wrong } = reportSchema.parse(await load.call('report'));
      say(`\n${chart(samples)}\n`);
      for (const [name, count] of Object.entries(counts)) say(`${String(count).padStart(8)}  ${name}`);
      for (const [name, { count, first }] of Object.entries(wrong)) say(`WRONG ${count} times: ${name}: ${first}`);

      const { growthBytes, boundBytes } = growthOf(samples);
      const steady = growthBytes <= boundBytes;
      say(
        `\n${steady ? 'pass' : 'FAIL'}  memory in the last third: ${growthBytes >= 0 ? '+' : ''}${(growthBytes / 1e6).toFixed(1)} MB (at most +${(boundBytes / 1e6).toFixed(0)} MB)`,
      );
      say(
        `${openFiles <= openFilesBound ? 'pass' : 'FAIL'}  open files at the end: ${openFiles} (at most ${openFilesBound})`,
      );
      const right = Object.keys(wrong).length === 0;
      say(`${right ? 'pass' : 'FAIL'}  outcomes: ${right ? 'all as they must be' : 'see WRONG above'}`);
      return steady && openFiles <= openFilesBound && right;
    });
  } finally {
    await load.stop();
    await upstream.stop();
  }
}

process.exitCode = (await main()) ? 0 : 1;
