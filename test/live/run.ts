import { styleText } from 'node:util';
import { createRedactor } from '../../src-main/secrets/redact.ts';
import type { ConfigInput } from '../../src-shared/config.ts';
import { table } from '../bench/table.ts';
import { type Bench, everywhere } from '../conformance/provider-contract.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { waitUntil } from '../helpers/wait-until.ts';
import { cheapestModel } from './cheapest-model.ts';
import { type LiveProvider, liveProviders } from './live-providers.ts';

/**
 * `npm run test:live [-- TYPE ...]`: the part of the provider contract that is safe and cheap, with real keys against the
 * vendors themselves. Prints a table of types and cases; ends with 1 where a case failed. Never prints a key, leaves no files.
 */

/** Variables that the way to a vendor may need; nothing else of the user's surroundings counts. */
const networkVariables = [
  ...['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY'].flatMap((name) => [name, name.toLowerCase()]),
  'NODE_EXTRA_CA_CERTS',
];
const WRONG_KEY = 'LIVE_TEST_WRONG_KEY';
/** Of one case; a real model may think for a while. */
const CASE_LIMIT_MS = 120_000;

const { tried, skipped } = await liveProviders(process.env, process.argv.slice(2));
const secrets = tried.flatMap(({ key, wrongKey }) => [key?.value ?? '', wrongKey ?? '']);
const redact = createRedactor(secrets);
const print = (line = ''): void => {
  process.stdout.write(`${redact(line)}\n`);
};

let running: RunningEngine | null = null;
process.once('SIGINT', () => {
  const end = (): never => process.exit(130);
  if (running === null) end();
  else running.stop().then(end, end);
});

/** A provider with its own key, and the same with a wrong one. */
function configFor({ type, baseUrl, key, model, wrongKey }: LiveProvider): ConfigInput {
  const provider = {
    id: type,
    type,
    ...(baseUrl === null ? {} : { baseUrl }),
    ...(key === null ? {} : { key: `env:${key.variable}` }),
  };
  // Its list is its own matter; what cannot list is told by the case.
  const wrong = { ...provider, id: 'wrong', key: `env:${WRONG_KEY}`, models: [model ?? 'any'] };
  return {
    providers: wrongKey === null ? [provider] : [provider, wrong],
    routing: { loadBalancing: { healthCheck: true } },
    modelLists: { fetch: true },
    // Some models want their reasoning back with the results of tools.
    conversations: { keep: 'memory' },
  };
}

/** The model that is asked: the one that is named, else the cheapest that is listed. */
async function modelOf({ type, model }: LiveProvider, { engine }: RunningEngine): Promise<string | null> {
  if (model !== null) return model;
  const listed = await waitUntil(`the list of ${type}`, () => {
    const models = engine.status().providers.find(({ id }) => id === type)?.models;
    return models !== undefined && (models.count > 0 || models.error !== null) && models;
  });
  return cheapestModel(listed.ids);
}

type Outcome = 'ok' | 'FAILED' | '-';

async function tryProvider(provider: LiveProvider): Promise<{ outcomes: Outcome[]; failures: string[] }> {
  const { type, key, wrongKey } = provider;
  const env = {
    ...Object.fromEntries(networkVariables.map((name) => [name, process.env[name]])),
    ...(key === null ? {} : { [key.variable]: key.value }),
    ...(wrongKey === null ? {} : { [WRONG_KEY]: wrongKey }),
  };
  running = await runEngine(configFor(provider), { env });
  const failures: string[] = [];
  try {
    const model = await modelOf(provider, running).catch((error: unknown) => {
      failures.push(`${type}: ${messageOf(error)}`);
      return null;
    });
    if (model === null)
      return { outcomes: everywhere.map(() => 'FAILED'), failures: [...failures, `${type}: no model`] };
    print(`${type}: asking ${model}`);
    const wrong = wrongKey === null ? null : 'wrong';
    const bench: Bench = { running, logged: [], provider: type, model, wrong, standIn: null };
    const outcomes: Outcome[] = [];
    for (const { name, needs, run } of everywhere) {
      if (needs === 'wrong key' && wrong === null) {
        outcomes.push('-');
        continue;
      }
      try {
        await inTime(run(bench));
        outcomes.push('ok');
      } catch (error) {
        outcomes.push('FAILED');
        failures.push(`${type}, ${name}: ${messageOf(error)}`);
      }
    }
    return { outcomes, failures };
  } finally {
    await running.stop();
    running = null;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function inTime(run: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no end within ${CASE_LIMIT_MS / 1000} s`)), CASE_LIMIT_MS);
  try {
    await Promise.race([run, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

for (const { type, reason } of skipped) print(`SKIPPED ${type}: ${reason}`);
print();
const columns: Outcome[][] = [];
const failures: string[] = [];
for (const provider of tried) {
  const result = await tryProvider(provider);
  columns.push(result.outcomes);
  failures.push(...result.failures);
}
print();
print(
  table(
    ['case', ...tried.map(({ type }) => type)],
    everywhere.map(({ name }, row) => [name, ...columns.map((outcomes) => outcomes[row] ?? '-')]),
  ),
);
for (const failure of failures) print(`\n${styleText('bold', failure.slice(0, 2_000))}`);
process.exitCode = failures.length === 0 ? 0 : 1;
