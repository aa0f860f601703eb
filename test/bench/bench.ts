import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type Measured, measureCase, medianOf, type WorkName, withSubject, works } from './case.ts';
import { type Extra, gateLine, gatesOf, reached } from './gates.ts';
import { startGenerator } from './generator.ts';
import { type Bench, type Durations, measureWindow } from './measure.ts';
import { startUpstream } from './mock.ts';
import { type Result, surroundings, workTable } from './report.ts';
import { percentile } from './statistics.ts';
import { claudeCodeRouter } from './subjects/claude-code-router.ts';
import { builtCli, cproxyModels, createCproxy } from './subjects/cproxy.ts';
import { floor } from './subjects/floor.ts';
import { portkey } from './subjects/portkey.ts';
import { httpRequest, type Route, type RunningSubject, routes, type Subject } from './subjects/subject.ts';
import { messagesRequest } from './workload.ts';

const subjectsFor = (cproxy: Subject): Record<string, Subject> => ({
  floor,
  cproxy,
  'claude-code-router': claudeCodeRouter,
  portkey,
});
const names = Object.keys(subjectsFor(floor)).join(',');
const full: Durations = { idle: 1_500, warmUp: 3_000, window: 2_500, sequential: 1_000 };
const quick: Durations = { idle: 1_000, warmUp: 2_000, window: 1_000, sequential: 500 };

const usage = `usage: npm run bench -- [--quick] [--only ${names}] [--rounds N] [--cli FILE] [--json FILE]
`;
const say = (line: string): boolean => process.stdout.write(`${line}\n`);
/** Where one stands: on standard error, so that the report can be piped into a file. */
const progress = (line: string): boolean => process.stderr.write(`${line}\n`);

interface Case {
  subject: Subject;
  route: Route;
  work: WorkName;
  rounds: Measured[];
  /** Why it cannot be measured. */
  missing: string | null;
}

/** Every case that was asked for; subjects that cannot be had keep theirs, with the reason. */
async function planCases(subjects: readonly Subject[]): Promise<Case[]> {
  const cases: Case[] = [];
  for (const subject of subjects) {
    let missing: string | null = null;
    try {
      progress(`preparing ${subject.name}`);
      await subject.prepare();
    } catch (error) {
      missing = error instanceof Error ? error.message : String(error);
    }
    for (const work of works) {
      for (const route of routes) {
        // The floor has one way to answer; that it does not translate is what makes it the floor.
        if (subject === floor && route === 'translated') continue;
        cases.push({ subject, route, work, rounds: [], missing: subject.unavailable[route] ?? missing });
      }
    }
  }
  return cases;
}

/** One round: each case once, in a fresh process each. A case that fails is left out from then on. */
async function runRound(bench: Bench, cases: readonly Case[], round: number): Promise<void> {
  for (const entry of cases) {
    if (entry.missing !== null) continue;
    const { subject, route, work } = entry;
    try {
      const measured = await measureCase(bench, subject, route, work);
      entry.rounds.push(measured);
      progress(
        `round ${round}: ${subject.name}, ${route}, ${work}: ${measured.cpuMs.toFixed(2)} ms CPU, ${measured.perSecond.toFixed(0)} requests/s`,
      );
    } catch (error) {
      entry.missing = error instanceof Error ? error.message : String(error);
      progress(`round ${round}: ${subject.name}, ${route}, ${work}: ${entry.missing}`);
    }
  }
}

/** What the paper asks of CProxy beside the cases: several providers at once, and a steady 100 requests/s. */
function measureExtra(bench: Bench, cproxy: Subject): Promise<Extra> {
  return withSubject(cproxy, 'pass-through', bench.upstream.origin, async (running: RunningSubject) => {
    const asking = (model: string): string => httpRequest(running.request, messagesRequest(model, false, 'burst'));
    const [one, two, three] = Object.values(cproxyModels).map(asking);
    const several = await measureWindow(bench, running, [one ?? '', two ?? '', three ?? ''], { connections: 16 });
    const steady = await measureWindow(bench, running, [one ?? '', two ?? ''], {
      connections: 64,
      perSecond: 100,
      window: bench.durations.window * 2,
    });
    for (const { failure } of [several, steady]) if (failure !== null) throw new Error(failure);
    return {
      severalPerSecond: several.perSecond,
      pacedP99: percentile(steady.report.totalMs, 0.99),
      pacedCores: steady.cores,
    };
  });
}

/** Runs the bench and prints it. Returns whether every absolute gate of CProxy was passed (true where it was left out). */
async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: names },
      rounds: { type: 'string' },
      cli: { type: 'string', default: builtCli },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const cproxy = createCproxy(values.cli);
  const all = subjectsFor(cproxy);
  const chosen = values.only.split(',').map((name) => all[name.trim()]);
  const subjects = chosen.filter((subject) => subject !== undefined);
  if (values.help || subjects.length < chosen.length) {
    process.stderr.write(usage);
    return values.help;
  }
  if (process.platform !== 'linux')
    throw new Error('the bench reads processor time and memory from /proc: it needs Linux');

  const startedAt = performance.now();
  const cases = await planCases(subjects);
  const bench: Bench = {
    load: await startGenerator(),
    upstream: await startUpstream(),
    durations: values.quick ? quick : full,
  };
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  let extra: Extra = { severalPerSecond: Number.NaN, pacedP99: Number.NaN, pacedCores: Number.NaN };
  try {
    for (let round = 1; round <= rounds; round++) await runRound(bench, cases, round);
    if (cases.some(({ subject, missing }) => subject === cproxy && missing === null))
      extra = await measureExtra(bench, cproxy);
  } finally {
    await bench.load.end();
    await bench.upstream.stop();
  }

  const results: Result[] = cases.map(({ subject, route, work, rounds: measured, missing }) => ({
    subject: subject.name,
    route,
    work,
    measured: missing ?? medianOf(measured),
  }));
  say(
    `Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown processor'}, ${rounds} rounds, medians, ${((performance.now() - startedAt) / 1_000).toFixed(0)} s\n`,
  );
  say(`## 20-token plain answer to a 60 kB request\n\n${workTable(results, 'plain')}\n`);
  say(`## 200-chunk stream to a 60 kB request\n\n${workTable(results, 'stream')}\n`);
  say(`## Around the subjects\n\n${surroundings(results)}\n`);
  if (values.json !== undefined) await writeFile(values.json, JSON.stringify({ results, extra }, null, 2));
  if (!subjects.includes(cproxy)) return true;
  const gates = gatesOf(results, cproxy.name, extra);
  say(`## Figures to reach\n\n${gates.map(gateLine).join('\n')}\n`);
  return gates.every((gate) => gate.kind === 'ratio' || reached(gate));
}

process.exitCode = (await main()) ? 0 : 1;
