import { equal, match, notEqual, ok, deepStrictEqual as same } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { type ControlClient, withEngine } from '../../src-main/cli/control-client.ts';
import { resolveFolders } from '../../src-main/config/folders.ts';
import type { Logger } from '../../src-main/observability/logger.ts';
import type { ConfigInput } from '../../src-shared/config.ts';
import type { HealthView, KeyView, ProviderView } from '../../src-shared/control.ts';
import type { ClientProtocol, RequestRow } from '../../src-shared/requests.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { closedPort, type ScriptableUpstream, startUpstream } from '../helpers/scriptable-upstream.ts';
import { credentialsOf, keyOf } from '../helpers/upstream/accounts.ts';
import { empty, garbage, hang, html, type Step, say } from '../helpers/upstream/step.ts';
import { waitUntil } from '../helpers/wait-until.ts';
import { clients, type Question, type Seen } from './clients.ts';
import { type StandIn, startStandIn } from './vendor-stand-in.ts';
import { answerTo, type Fault, type Vendor } from './vendors.ts';

/** Cases share an engine: what one of them did to a provider must not change where the next one goes. */
const eachCaseByItself = { circuit: { enabled: false }, affinity: { enabled: false } } as const;

/**
 * What every provider type must do, as cases that the real engine is put through: all of them against stand-ins of the vendors
 * (provider-contract.test.ts), those that are safe and cheap against the vendors themselves (`npm run test:live`).
 */
export interface ContractCase<On> {
  name: string;
  /** What not every provider has: a key that can be wrong, words for a model that is being loaded. */
  needs?: 'wrong key' | 'loading';
  run(bench: On): Promise<void>;
}

type ProviderInput = NonNullable<ConfigInput['providers']>[number];

/** An engine with the provider in question. */
export interface Bench {
  readonly running: RunningEngine;
  /** Lines of its log. */
  readonly logged: readonly string[];
  /** Id of the provider. */
  readonly provider: string;
  /** A model of it, by its name there. */
  readonly model: string;
  /** Id of the same with a key that is not valid; null where no key is needed. */
  readonly wrong: string | null;
  /** null: the vendor itself, or nobody. */
  readonly standIn: StandIn | null;
}

/** With a stand-in, which can be made to fail. */
export interface ScriptedBench extends Bench, AsyncDisposable {
  readonly standIn: StandIn;
  /** Another engine, which probes nothing and fetches nothing: what it asks, a client has asked for. */
  readonly quiet: RunningEngine;
  /** The target behind the failing ones. */
  readonly spare: ScriptableUpstream;
  /** Every key there is, by the variable that holds it. */
  readonly keys: Readonly<Record<string, string>>;
  /** All that clients got: headers and bodies. */
  readonly answers: readonly string[];
}

/** Tokens that an answer may have with a real model: room to think a little. */
const limits: Record<ClientProtocol, Record<string, unknown>> = {
  anthropic: { max_tokens: 1024 },
  'openai-chat': { max_completion_tokens: 1024 },
  'openai-responses': { max_output_tokens: 1024 },
};

const protocols = Object.keys(clients) as ClientProtocol[];
const user = (text: string) => ({ from: 'user', text }) as const;

interface Answer extends Seen {
  headers: Headers;
  body: string;
}

interface Asking {
  engine?: RunningEngine;
  /** As clients name it; the bench's own where absent. */
  model?: string;
  headers?: Record<string, string>;
}

const bodyOf = (client: ClientProtocol, question: Question): Record<string, unknown> => ({
  ...clients[client].ask(question),
  ...limits[client],
});

/** Asks as a client of a dialect does, and reads the answer to its end. */
async function ask(
  bench: Bench,
  client: ClientProtocol,
  question: Omit<Question, 'model'>,
  { engine = bench.running, model = `${bench.provider}/${bench.model}`, headers = {} }: Asking = {},
): Promise<Answer> {
  const { door, read } = clients[client];
  const response = await engine.ask(bodyOf(client, { ...question, model }), { path: door, headers });
  const body = await response.text();
  const streamed = response.headers.get('content-type')?.includes('event-stream') === true;
  if (response.status === 200) equal(streamed, question.stream, 'the answer has the form that was asked for');
  return { status: response.status, headers: response.headers, body, ...read(body, streamed) };
}

/** Asks the control API of an engine, as the command line does. */
async function control<T>({ home }: RunningEngine, action: (client: ControlClient) => Promise<T>): Promise<T> {
  const asked = await withEngine(resolveFolders({ CPROXY_HOME: home }).data, action);
  if (asked === null) throw new Error(`no engine runs on ${home}`);
  return asked.result;
}

async function lastRow(engine: RunningEngine): Promise<RequestRow> {
  const [row] = await control(engine, (client) => client.requests.list({ limit: 1 }));
  if (row === undefined) throw new Error('there was no request');
  return row;
}

function viewOf({ engine }: RunningEngine, id: string): ProviderView {
  const view = engine.status().providers.find((provider) => provider.id === id);
  if (view === undefined) throw new Error(`there is no provider ${id}`);
  return view;
}

const health = (engine: RunningEngine, id: string, is: (view: HealthView) => boolean): Promise<HealthView> =>
  waitUntil(
    `the health of ${id}`,
    () => {
      const view = viewOf(engine, id).health;
      return is(view) && view;
    },
    15_000,
  );

function assertAnswered(answer: Answer): void {
  equal(answer.status, 200, answer.body);
  equal(answer.error, null);
  same(answer.problems, [], 'the answer keeps its grammar');
}

const plain = (client: ClientProtocol, stream: boolean): ContractCase<Bench> => ({
  name: `${stream ? 'stream' : 'plain answer'}, ${client}`,
  async run(bench) {
    const answer = await ask(bench, client, { conversation: [user('Reply with the one word: pong')], stream });
    assertAnswered(answer);
    ok(answer.text.trim() !== '', 'it says something');
    if (bench.standIn !== null) equal(answer.text, 'pong');
    ok(answer.stop, 'it says why it ended');
    equal(answer.headers.get('x-cproxy-provider'), bench.provider);
    equal(decodeURIComponent(answer.headers.get('x-cproxy-model') ?? ''), bench.model);
  },
});

const toolLoop = (client: ClientProtocol): ContractCase<Bench> => ({
  name: `tools, ${client}`,
  async run(bench) {
    // In words that a model follows, and in the form that stand-ins and the demo read.
    const task = user(
      'Call the tool Read with exactly this input, and say nothing else.\ntool: Read {"path":"notes.txt"}',
    );
    const tools = ['Read'];
    const first = await ask(bench, client, { conversation: [task], tools, stream: true });
    assertAnswered(first);
    const [call] = first.calls;
    if (call === undefined) throw new Error(`it called no tool: ${first.body}`);
    equal(call.name, 'Read');
    same(call.input, { path: 'notes.txt' });
    ok(call.id !== '');
    const conversation = [
      task,
      { from: 'assistant', calls: first.calls },
      { from: 'tools', results: first.calls.map(({ id }) => ({ id, text: 'The number is 4711.' })) },
    ] as const;
    const second = await ask(bench, client, { conversation, tools, stream: true });
    assertAnswered(second);
    ok(second.text !== '' || second.calls.length > 0, 'it goes on');
    if (bench.standIn !== null) equal(second.text, 'The tool says: The number is 4711.');
  },
});

/** Of every provider, real ones included. */
export const everywhere: readonly ContractCase<Bench>[] = [
  {
    name: 'list',
    async run({ running, provider, model, standIn }) {
      const { models } = await waitUntil('the list of models', () => {
        const view = viewOf(running, provider);
        if (view.models.error !== null) throw new Error(view.models.error);
        return view.models.source !== 'none' && (standIn === null || view.models.source === 'fetched') && view;
      });
      if (standIn !== null) same([...models.ids].sort(), [...standIn.vendor.models].sort());
      const response = await fetch(`${running.url}/v1/models`, { headers: { 'x-api-key': running.token } });
      const { data } = (await response.json()) as { data: { id: string }[] };
      const listed = new Set(data.map(({ id }) => id));
      for (const id of models.ids) ok(listed.has(`${provider}/${id}`), `${id} is in /v1/models`);
      const one = await fetch(`${running.url}/v1/models/${provider}/${model}`, {
        headers: { 'x-api-key': running.token },
      });
      equal(one.status, 200, `${model} can be routed`);
    },
  },
  {
    name: 'probe',
    async run({ running, provider }) {
      const { checkedAt } = await health(running, provider, ({ state }) => state === 'healthy');
      notEqual(checkedAt, null);
    },
  },
  ...protocols.flatMap((client) => [plain(client, false), plain(client, true)]),
  ...protocols.map(toolLoop),
  {
    name: 'abort',
    async run(bench) {
      const { running, provider, model, standIn } = bench;
      const before = standIn?.upstream.asked.length ?? 0;
      const leaving = new AbortController();
      const question = { conversation: [user('Count from 1 to 400, in digits.')], stream: true };
      const body = bodyOf('anthropic', { ...question, model: `${provider}/${model}` });
      const response = await running.ask(body, { signal: leaving.signal });
      equal(response.status, 200);
      const reader = response.body?.getReader();
      await reader?.read();
      leaving.abort();
      const row = await waitUntil('the end of the request', async () => {
        const newest = await lastRow(running);
        return newest.state !== 'running' && newest;
      });
      equal(row.state, 'aborted');
      equal(row.attempts[0]?.outcome, 'aborted');
      if (standIn === null) return;
      const asked = standIn.upstream.asked[before];
      if (asked === undefined) throw new Error('the provider was not asked');
      await waitUntil('that the provider notices', () => asked.aborted);
    },
  },
  {
    name: 'wrong key',
    needs: 'wrong key',
    async run(bench) {
      const { wrong, running } = bench;
      if (wrong === null) throw new Error('there is no provider with a wrong key');
      const answer = await ask(
        bench,
        'anthropic',
        { conversation: [user('hi')], stream: false },
        { model: `${wrong}/${bench.model}` },
      );
      // Not 401: clients would take their own token for wrong, and log their user out.
      equal(answer.status, 502, answer.body);
      match(answer.error ?? '', new RegExp(`'${wrong}'.*key`));
      await health(running, wrong, ({ state, reason }) => state === 'down' && /key/i.test(reason ?? ''));
    },
  },
];

interface Expected {
  /** What a client may be told where there is no other target. */
  statuses: readonly number[];
  /** Whether another target is tried. */
  failsOver: boolean;
  check?: (answer: Answer) => void;
}

/** What becomes of a provider's errors. */
const faults: Readonly<Record<Fault, Expected>> = {
  'client fault': { statuses: [400], failsOver: false },
  'refused key': { statuses: [502], failsOver: true },
  'no money': {
    statuses: [400, 402, 429],
    failsOver: true,
    check: ({ status, headers }) => {
      if (status === 429) equal(headers.get('x-should-retry'), 'false', 'no waiting helps');
    },
  },
  forbidden: { statuses: [402, 502], failsOver: true },
  'unknown model': { statuses: [404], failsOver: true },
  'rate limit': {
    statuses: [429],
    failsOver: true,
    check: ({ headers }) => equal(headers.get('retry-after'), '7', 'it is told how long to wait'),
  },
  failure: { statuses: [500, 502], failsOver: true },
  overloaded: { statuses: [529], failsOver: true },
  'context overflow': {
    statuses: [400],
    failsOver: true,
    // What Claude Code compacts a conversation on, or asks for a shorter answer.
    check: ({ error }) => match(error ?? '', /^prompt is too long|exceed context limit/),
  },
};
const faultNames = Object.keys(faults) as Fault[];

/** Answers that begin well, and are none. */
const brokenAnswers: Readonly<Record<string, Step>> = {
  'web page': html(),
  empty: empty(),
  garbage: garbage(),
  cut: say('x', { breakAfter: { bytes: 20, how: 'reset' } }),
  'cut politely': say('x', { breakAfter: { bytes: 20, how: 'end' } }),
};

/** What keys are changed for. */
const keyFaults = ['refused key', 'no money', 'rate limit'] as const satisfies readonly Fault[];
const restingStates: Record<(typeof keyFaults)[number], KeyView['state']> = {
  'refused key': 'refused',
  'no money': 'exhausted',
  'rate limit': 'cooling-down',
};

const slug = (name: string): string => name.replaceAll(' ', '-');
const variableOf = (provider: string): string => `KEY_${provider.replaceAll('-', '_').toUpperCase()}`;

async function during<T>(standIn: StandIn, state: StandIn['state'], action: () => Promise<T>): Promise<T> {
  standIn.state = state;
  try {
    return await action();
  } finally {
    standIn.state = 'up';
  }
}

const faultCase = (fault: Fault): ContractCase<ScriptedBench> => ({
  name: fault,
  async run(bench) {
    const { statuses, failsOver, check } = faults[fault];
    const question = { conversation: [user('hi')], stream: true };
    const alone = await ask(bench, 'anthropic', question, {
      engine: bench.quiet,
      model: `alone-${slug(fault)}/${bench.model}`,
    });
    ok(statuses.includes(alone.status), `HTTP ${alone.status}: ${alone.body}`);
    ok(alone.error, 'it says what went wrong');
    check?.(alone);

    const before = bench.spare.asked.length;
    const pair = await ask(bench, 'anthropic', question, { engine: bench.quiet, model: `pair-${slug(fault)}` });
    equal(bench.spare.asked.length - before, failsOver ? 1 : 0, 'whether another target is tried');
    if (failsOver) assertAnswered(pair);
    else ok(statuses.includes(pair.status), pair.body);
    const { attempts } = await lastRow(bench.quiet);
    same(
      attempts.map(({ provider, outcome }) => [provider, outcome]),
      [[`pair-${slug(fault)}`, 'failed'], ...(failsOver ? [['spare', 'answered']] : [])],
    );
  },
});

const brokenCase = (name: string): ContractCase<ScriptedBench> => ({
  name: `broken answer: ${name}`,
  async run(bench) {
    for (const stream of [true, false]) {
      const question = { conversation: [user('hi')], stream };
      const id = `broken-${slug(name)}`;
      const alone = await ask(bench, 'anthropic', question, { engine: bench.quiet, model: `${id}/${bench.model}` });
      equal(alone.status, 502, alone.body);
      match(alone.error ?? '', new RegExp(`'${id}'`), 'it names the provider');
      const pair = await ask(bench, 'anthropic', question, { engine: bench.quiet, model: `pair-${id}` });
      assertAnswered(pair);
      equal(pair.text, 'spare');
    }
  },
});

const rotation = (fault: (typeof keyFaults)[number]): ContractCase<ScriptedBench> => ({
  name: `another key after: ${fault}`,
  async run(bench) {
    const { standIn, quiet, model } = bench;
    const { accounts, upstream, vendor } = standIn;
    const pool = `pool-${slug(fault)}`;
    const headers = { 'x-claude-code-session-id': randomUUID() };
    /** The keys that one request of the conversation was tried with. */
    const turn = async (): Promise<string[]> => {
      const before = upstream.asked.length;
      const question = { conversation: [user('hi')], stream: true };
      assertAnswered(await ask(bench, 'anthropic', question, { engine: quiet, model: `${pool}/${model}`, headers }));
      return upstream.asked.slice(before).map((request) => keyOf(request) ?? '');
    };
    const [key = '', ...none] = await turn();
    same(none, []);
    for (let turns = 0; turns < 3; turns += 1) same(await turn(), [key], 'a conversation stays with its key');

    accounts.set(key, answerTo(vendor, fault, key));
    const [first, second, ...others] = await turn();
    equal(first, key);
    same(others, []);
    ok(second !== undefined && second !== key, 'one request is enough');
    const { attempts } = await lastRow(quiet);
    same(
      attempts.map(({ provider, outcome }) => [provider, outcome]),
      [
        [pool, 'failed'],
        [pool, 'answered'],
      ],
    );
    same(attempts.map((attempt) => attempt.key).sort(), ['one', 'two'], 'which key it was is told by name');
    const states = viewOf(quiet, pool).keys.map(({ state }) => state);
    same(states.sort(), ['ready', restingStates[fault]].sort());

    accounts.set(key);
    for (let turns = 0; turns < 3; turns += 1) same(await turn(), [second], 'and stays with the other from then on');

    accounts.set(key, answerTo(vendor, fault, key));
    accounts.set(second, answerTo(vendor, fault, second));
    const last = await ask(
      bench,
      'anthropic',
      { conversation: [user('hi')], stream: false },
      { engine: quiet, model: `${pool}/${model}`, headers },
    );
    ok(last.status >= 400, 'no key is left');
    ok((await lastRow(quiet)).attempts.length <= 2, 'no key is tried twice');
    accounts.set(key);
    accounts.set(second);
  },
});

/** Of every provider whose server can be imitated. */
export const scripted: readonly ContractCase<ScriptedBench>[] = [
  {
    name: 'each model is asked by the name under which it is listed',
    async run(bench) {
      const { upstream, vendor } = bench.standIn;
      for (const model of vendor.models) {
        const asking = { model: `${bench.provider}/${model}` };
        assertAnswered(await ask(bench, 'anthropic', { conversation: [user('hi')], stream: false }, asking));
        equal(upstream.asked.at(-1)?.model, model);
      }
    },
  },
  {
    name: 'key headers',
    async run(bench) {
      const { standIn, running, keys, provider } = bench;
      const { upstream, vendor } = standIn;
      const key = keys[variableOf(provider)] ?? '';
      for (const client of protocols)
        assertAnswered(await ask(bench, client, { conversation: [user('hi')], stream: false }));
      const theirs = upstream.requests.filter((request) => request.headers['x-team'] === 'blue');
      const models = theirs.filter(({ protocol }) => protocol !== null);
      const free = theirs.filter((request) => request.protocol === null && !request.counts);
      ok(models.length > 0 && free.length > 0, 'models, lists and health were asked');
      for (const request of theirs) {
        const credentials = credentialsOf(request);
        if (vendor.isPublic(request.path) && Object.keys(credentials).length === 0) continue;
        const { protocol, path: asked } = request;
        same(credentials, vendor.carriesKey(key, protocol, asked), `${request.method} ${asked}`);
      }
      for (const { rawHeaders, path: asked } of upstream.requests)
        ok(!rawHeaders.join('\n').includes(running.token), `the client's token stays here (${asked})`);
    },
  },
  {
    name: 'custom headers',
    async run(bench) {
      const { standIn, keys, provider } = bench;
      const key = keys[variableOf(provider)];
      assertAnswered(await ask(bench, 'anthropic', { conversation: [user('hi')], stream: false }));
      const theirs = standIn.upstream.requests.filter((request) => keyOf(request) === key);
      ok(theirs.some(({ protocol }) => protocol !== null) && theirs.length > 1);
      for (const { headers, path: asked } of theirs) equal(headers['x-team'], 'blue', asked);
    },
  },
  {
    name: 'no key',
    async run(bench) {
      const { upstream, vendor } = bench.standIn;
      const asking = { engine: bench.quiet, model: `keyless/${bench.model}` };
      const answer = await ask(bench, 'anthropic', { conversation: [user('hi')], stream: false }, asking);
      const theirs = upstream.requests.filter(({ headers }) => headers['x-team'] === 'keyless');
      if (vendor.needsKey) {
        equal(answer.status, 502);
        match(answer.error ?? '', /'keyless' has no usable API key/);
        equal(theirs.length, 0, 'nothing is sent without');
        equal(viewOf(bench.quiet, 'keyless').keys[0]?.state, 'missing');
        return;
      }
      assertAnswered(answer);
      ok(theirs.length > 0);
      for (const request of theirs) same(credentialsOf(request), {});
      equal(viewOf(bench.quiet, 'keyless').keys[0]?.state, 'not-needed');
    },
  },
  {
    name: 'probe: down',
    async run({ running }) {
      const { reason } = await health(running, 'gone', ({ state }) => state === 'down');
      match(reason ?? '', /127\.0\.0\.1:\d+/, 'it says where nobody is');
    },
  },
  {
    name: 'probe: key refused',
    async run({ running }) {
      const { reason } = await health(running, 'refused', ({ state }) => state === 'down');
      match(reason ?? '', /key/i);
    },
  },
  {
    name: 'probe: a web page, and well again',
    async run({ running, provider, standIn }) {
      const is = ({ state }: HealthView): boolean => state === 'down' || state === 'degraded';
      const { reason } = await during(standIn, 'web page', () => health(running, provider, is));
      match(reason ?? '', /page|HTML/);
      await health(running, provider, ({ state }) => state === 'healthy');
    },
  },
  {
    name: 'probe: loading, and ready',
    needs: 'loading',
    async run({ running, provider, standIn }) {
      const is = ({ state }: HealthView): boolean => state === 'degraded';
      const { reason } = await during(standIn, 'loading', () => health(running, provider, is));
      match(reason ?? '', /load/i);
      await health(running, provider, ({ state }) => state === 'healthy');
    },
  },
  ...faultNames.map(faultCase),
  ...Object.keys(brokenAnswers).map(brokenCase),
  {
    name: 'cut after content',
    async run(bench) {
      const question = { conversation: [user('hi')], stream: true };
      const before = bench.spare.asked.length;
      const answer = await ask(bench, 'anthropic', question, { engine: bench.quiet, model: 'pair-late' });
      equal(answer.status, 200);
      match(answer.error ?? '', /'late'/, 'an error ends it');
      equal(bench.spare.asked.length, before, 'no other target goes on with it');
    },
  },
  {
    name: 'abort before the answer',
    async run({ standIn, quiet, model }) {
      const before = standIn.upstream.asked.length;
      const leaving = new AbortController();
      const body = bodyOf('anthropic', { conversation: [user('hi')], stream: true, model: `silent/${model}` });
      const answer = quiet.ask(body, { signal: leaving.signal }).catch((error: unknown) => error);
      const asked = await waitUntil('the question', () => standIn.upstream.asked[before]);
      leaving.abort();
      await answer;
      await waitUntil('that the provider notices', () => asked.aborted);
      const row = await waitUntil('the end', async () => {
        const newest = await lastRow(quiet);
        return newest.state !== 'running' && newest;
      });
      equal(row.state, 'aborted');
    },
  },
  ...keyFaults.map(rotation),
  {
    name: 'no key has got out',
    async run(bench) {
      const { keys, running, quiet, logged } = bench;
      const places: [string, string][] = [['the log', logged.join('\n')]];
      for (const engine of [running, quiet]) {
        const views = await control(engine, async (client) => [
          await client.status(),
          await client.config.view(),
          await client.requests.list({ limit: 1000 }),
          // What is on the disk is compressed there.
          await client.requests.page({ limit: 200 }),
        ]);
        places.push(['the control API', JSON.stringify(views)]);
        const headers = { 'x-api-key': engine.token };
        places.push(['/v1/models', await (await fetch(`${engine.url}/v1/models`, { headers })).text()]);
        for (const entry of await readdir(engine.home, { recursive: true, withFileTypes: true })) {
          const file = path.join(entry.parentPath, entry.name);
          // SQLite leaves an empty one behind when it has written all of it into the database.
          const text = entry.isFile() ? await readFile(file, 'latin1') : '';
          if (entry.isFile() && !(text === '' && file.endsWith('-wal'))) places.push([file, text]);
        }
      }
      places.push(['an answer to a client', bench.answers.join('\n')]);
      for (const [place, text] of places) {
        ok(text !== '', `${place} was looked at`);
        for (const [variable, key] of Object.entries(keys)) ok(!text.includes(key), `${variable} is in ${place}`);
      }
    },
  },
];

/** The provider with what the contract needs beside it, in front of a stand-in. */
export async function startScripted(vendor: Vendor): Promise<ScriptedBench> {
  const standIn = await startStandIn(vendor);
  const { accounts, baseUrl } = standIn;
  const [model] = vendor.models;
  const { type } = vendor;
  const spare = await startUpstream();
  spare.script(() => say('spare'));
  const keys: Record<string, string> = {};
  /** No form that is recognised as a key: only who knows it can cut it out. */
  const newKey = (name: string): `env:${string}` => {
    const variable = variableOf(name);
    keys[variable] = `canary.${type}.${slug(name)}.7f3a9b`;
    return `env:${variable}`;
  };
  const keyIn = (name: string): string => keys[variableOf(name)] ?? '';
  const provider = (id: string, rest: Partial<ProviderInput> = {}, fate: Step | null = null): ProviderInput => {
    const key = newKey(id);
    accounts.set(keyIn(id), fate);
    return { id, type, baseUrl, key, models: [model], ...rest };
  };
  const unknown = (id: string): ProviderInput => ({ id, type, baseUrl, key: newKey(id), models: [model] });

  const gone = `http://127.0.0.1:${await closedPort()}`;
  const { models: _listed, ...subject } = provider('it', { headers: { 'x-team': 'blue' } });
  const watched: ConfigInput = {
    providers: [subject, unknown('wrong'), unknown('refused'), { ...provider('gone'), baseUrl: gone }],
    routing: { ...eachCaseByItself, loadBalancing: { healthCheck: true } },
    health: { intervalMs: 300 },
    modelLists: { fetch: true },
  };

  const pools = keyFaults.map((fault): ProviderInput => {
    const id = `pool-${slug(fault)}`;
    const own = (name: string) => {
      const key = newKey(`${id}-${name}`);
      accounts.set(keyIn(`${id}-${name}`));
      return { name, key };
    };
    return { id, type, baseUrl, models: [model], keys: [own('one'), own('two')] };
  });
  const failing = faultNames.flatMap((fault) =>
    [`alone-${slug(fault)}`, `pair-${slug(fault)}`].map((id) => {
      const made = provider(id);
      if (fault === 'refused key') accounts.set(keyIn(id), answerTo(vendor, fault, keyIn(id)));
      else accounts.set(keyIn(id), vendor.words[fault]);
      return made;
    }),
  );
  const broken = Object.entries(brokenAnswers).map(([name, step]) => provider(`broken-${slug(name)}`, {}, step));
  const behind = (id: string): string[] => [`${id}/${model}`, 'spare/spare'];
  const quietConfig: ConfigInput = {
    routing: eachCaseByItself,
    providers: [
      ...pools,
      ...failing,
      ...broken,
      provider('late', {}, say('a long answer '.repeat(20), { breakAfter: { frames: 6, how: 'reset' } })),
      provider('silent', {}, hang()),
      { id: 'keyless', type, baseUrl, models: [model], headers: { 'x-team': 'keyless' } },
      { id: 'spare', type: 'anthropic-compatible', baseUrl: spare.url, models: ['spare'] },
    ],
    aliases: {
      ...Object.fromEntries(faultNames.map((fault) => [`pair-${slug(fault)}`, behind(`pair-${slug(fault)}`)])),
      ...Object.fromEntries(
        Object.keys(brokenAnswers).map((name) => [`pair-broken-${slug(name)}`, behind(`broken-${slug(name)}`)]),
      ),
      'pair-late': behind('late'),
    },
  };

  const logged: string[] = [];
  const note = (message: string, fields?: Record<string, unknown>) => {
    logged.push(`${message} ${JSON.stringify(fields ?? {})}`);
  };
  const log: Logger = { error: note, warn: note, info: note, debug: note };
  const answers: string[] = [];
  const recording = (engine: RunningEngine): RunningEngine => ({
    ...engine,
    ask: async (body, options) => {
      const response = await engine.ask(body, options);
      answers.push(JSON.stringify([...response.headers]));
      if (options?.signal !== undefined) return response;
      const text = await response.text();
      answers.push(text);
      return new Response(text, response);
    },
  });
  const running = recording(await runEngine(watched, { env: keys, log }));
  const quiet = recording(await runEngine(quietConfig, { env: keys, log }));
  return {
    running,
    quiet,
    spare,
    logged,
    provider: 'it',
    model,
    wrong: 'wrong',
    standIn,
    keys,
    answers,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([running.stop(), quiet.stop()]);
      await Promise.all([spare.close(), standIn.upstream.close()]);
    },
  };
}
