import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { ask, type Question } from './chaos-clients.ts';
import { answerTo, noFaults, startChaosProvider } from './chaos-provider.ts';
import { type EngineProcess, startEngineProcess } from './engine-process.ts';
import { figure, table } from './table.ts';

/** The preferred provider is gone for a while: nobody notices, its circuit opens, and it is asked again when it is back. */

const perSecond = 50;
/** Seconds of each part. */
const before = 10;
const away = 20;
/** The circuit is open for 15 s at first, then for 30 s. */
const longestAfter = 60;
const print = (line: string): boolean => process.stdout.write(`${line}\n`);

interface Second {
  /** Answers by provider, and failures. */
  first: number;
  second: number;
  failed: number;
  circuit: string;
}

/** @returns whether no client has seen a failure, the circuit opened, and the preferred provider answered again. */
export async function runOutage(): Promise<boolean> {
  await using first = await startChaosProvider('first', noFaults, 'outage');
  await using second = await startChaosProvider('second', noFaults, 'outage');
  await using engine: EngineProcess = await startEngineProcess({
    providers: [first, second].map(({ name, url }) => ({
      id: name,
      type: 'anthropic-compatible',
      baseUrl: url,
      models: ['m'],
    })),
    aliases: { both: ['first/m', 'second/m'] },
    routing: { retries: { rounds: 2, waitMs: 500 } },
  });
  const dispatcher = new Agent({ connections: 20 });
  const seconds: Second[] = [];
  const problems: string[] = [];
  const open: Promise<void>[] = [];
  let number = 0;
  let sawOpen = false;

  const askOne = async (at: Second): Promise<void> => {
    const question: Question = {
      id: `o${number++}`,
      protocol: 'anthropic',
      model: 'both',
      stream: number % 2 === 0,
      padding: 600,
    };
    const { problem, which } = await ask(
      engine,
      question,
      ['first', 'second'].map((name) => answerTo(question.id, name)),
      dispatcher,
    );
    if (problem !== null) {
      at.failed += 1;
      problems.push(problem);
    } else if (which === 0) at.first += 1;
    else at.second += 1;
  };
  /** One second of steady load. */
  const tick = async (): Promise<Second> => {
    const now: Second = { first: 0, second: 0, failed: 0, circuit: 'closed' };
    seconds.push(now);
    const started = performance.now();
    for (let count = 0; count < perSecond; count += 1) {
      open.push(askOne(now));
      await sleep(Math.max(0, started + ((count + 1) * 1_000) / perSecond - performance.now()));
    }
    const views = await engine.circuits();
    now.circuit = views.find(({ provider }) => provider === 'first')?.state ?? 'closed';
    sawOpen ||= now.circuit === 'open';
    return now;
  };

  for (let at = 0; at < before; at += 1) await tick();
  await first.die();
  for (let at = 0; at < away; at += 1) await tick();
  await first.comeBack();
  let returned: number | null = null;
  for (let at = 1; at <= longestAfter && returned === null; at += 1)
    if ((await tick()).first > perSecond / 2) returned = at;
  for (let at = 0; at < 2; at += 1) await tick();
  await Promise.all(open);
  const rows = await engine.rows();
  await dispatcher.close();

  print(`\n${perSecond} requests/s; the preferred provider is gone from second ${before + 1} to ${before + away}:\n`);
  print(
    table(
      ['second', 'answered by the first', 'by the second', 'failures seen', 'circuit of the first'],
      seconds.flatMap((one, index) => {
        const last = seconds[index - 1];
        const isSame = last !== undefined && last.circuit === one.circuit && last.first > 0 === one.first > 0;
        const isKept = !isSame || index === seconds.length - 1 || index === before || index === before + away;
        return isKept
          ? [[String(index + 1), String(one.first), String(one.second), String(one.failed), one.circuit]]
          : [];
      }),
    ),
  );
  const failedOver = rows.filter(({ attempts }) => attempts.length > 1);
  print(`\n${rows.length} requests, of which ${failedOver.length} asked the provider that was gone.`);
  for (const problem of problems.slice(0, 5)) print(`FAILED ${problem}`);
  print(
    `${problems.length === 0 ? 'pass' : 'FAIL'}  failures seen by the client: ${problems.length} of ${rows.length}`,
  );
  print(`${sawOpen ? 'pass' : 'FAIL'}  the circuit of the provider that was gone opened`);
  print(
    returned === null
      ? `FAIL  the preferred provider was not back within ${longestAfter} s`
      : `pass  the preferred provider answered most requests again ${figure(returned)} s after it was back`,
  );
  return problems.length === 0 && sawOpen && returned !== null;
}
