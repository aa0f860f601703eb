import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { html, type ScriptableUpstream, startUpstream } from '../helpers/scriptable-upstream.ts';

const provider = (baseUrl: string, rest: object = {}) =>
  ({ id: 'up', type: 'openai-compatible', baseUrl, ...rest }) as const;
const fetching = { modelLists: { fetch: true } };

const view = ({ engine }: RunningEngine) => engine.status().providers[0]?.models;
const fetched = (engine: RunningEngine) => vi.waitFor(() => expect(view(engine)?.fetchedAt).not.toBeNull());
const ids = async (engine: RunningEngine): Promise<string[]> => {
  const answer = await fetch(`${engine.url}/v1/models`, { headers: { authorization: `Bearer ${engine.token}` } });
  return ((await answer.json()) as { data: { id: string }[] }).data.map(({ id }) => id);
};
const listings = ({ requests }: ScriptableUpstream) => requests.filter(({ method }) => method === 'GET').length;

it('a list is fetched in the background, and what it holds can be asked for', async () => {
  await using upstream = await startUpstream({ models: ['vendor/big-1.5', 'small'] });
  await using engine = await runEngine({
    ...fetching,
    providers: [provider(upstream.url)],
    aliases: { mine: 'small' },
  });
  await fetched(engine);
  expect(await ids(engine)).toEqual(['mine', 'up/vendor/big-1.5', 'up/small']);
  expect((await engine.ask(question('hi', { model: 'big-1-5' }))).status).toBe(200);
  expect((await engine.ask(question('hi', { model: 'mine' }))).status).toBe(200);
  expect(upstream.asked.map(({ model }) => model)).toEqual(['vendor/big-1.5', 'small']);
  expect(engine.engine.status().warnings).toEqual([]);
});

it('a dead alias is a warning once the list is there', async () => {
  await using upstream = await startUpstream({ models: ['m'] });
  await using engine = await runEngine({
    ...fetching,
    providers: [provider(upstream.url)],
    aliases: { dead: 'nobody-has-it' },
  });
  await fetched(engine);
  expect(engine.engine.status().warnings).toEqual([expect.stringContaining("'dead' leads to 'nobody-has-it'")]);
});

it('the next start knows it without a network', async () => {
  const home = await mkdtemp(path.join(tmpdir(), 'cproxy-test-'));
  try {
    const upstream = await startUpstream({ models: ['kept'] });
    const config = { ...fetching, providers: [provider(upstream.url)] };
    const first = await runEngine(config, { home });
    await fetched(first);
    // Kept before it stops, since stopping waits for what is under way.
    await first.stop();
    await upstream.close();
    await using next = await runEngine(config, { home });
    expect(view(next)).toMatchObject({ source: 'fetched', ids: ['kept'] });
    // It is young enough: nobody is asked.
    expect(listings(upstream)).toBe(1);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});

it('a list of 5,000 is served whole', async () => {
  const models = Array.from({ length: 5000 }, (_, index) => `vendor-${index % 50}/model-${index}`);
  await using upstream = await startUpstream({ models });
  await using engine = await runEngine({ ...fetching, providers: [provider(upstream.url)] });
  await fetched(engine);
  expect(await ids(engine)).toEqual(models.map((model) => `up/${model}`));
  expect((await engine.ask(question('hi', { model: 'model-4321' }))).status).toBe(200);
  expect(upstream.asked[0]?.model).toBe('vendor-21/model-4321');
});

it('names that are none are left out', async () => {
  const names = ['good', 'two\nlines', 'x'.repeat(1_000_000), '__proto__', 'with space'];
  await using upstream = await startUpstream({ models: names });
  await using engine = await runEngine({ ...fetching, providers: [provider(upstream.url)] });
  await fetched(engine);
  expect(await ids(engine)).toEqual(['up/good', 'up/__proto__', 'up/with space']);
});

it('a page of HTML is told of where people look', async () => {
  await using upstream = await startUpstream({ other: () => html() });
  await using engine = await runEngine({ ...fetching, providers: [provider(upstream.url)] });
  await vi.waitFor(() => expect(view(engine)?.error).toMatch(/web page.*baseUrl/));
  const answer = await engine.ask(question('hi', { model: 'm' }));
  expect(answer.status).toBe(404);
  expect(await answer.text()).toMatch(/list of models of 'up' could not be fetched.*web page/);
});

it('nobody is asked without the key that is needed', async () => {
  await using upstream = await startUpstream({ models: ['m'] });
  const env: NodeJS.ProcessEnv = {};
  await using engine = await runEngine(
    { ...fetching, providers: [provider(upstream.url, { type: 'openai', key: 'env:NO_SUCH_KEY' })] },
    { env },
  );
  await vi.waitFor(() => expect(view(engine)?.error).toContain('NO_SUCH_KEY'));
  expect(upstream.requests).toEqual([]);
});

it('the model of a name tells its window, listed or not', async () => {
  await using engine = await runEngine({
    providers: [
      provider('http://127.0.0.1:9', {
        models: [{ id: 'm', contextWindow: 9000, maxOutput: 500, capabilities: { vision: true } }],
      }),
    ],
    aliases: { mine: 'up/m' },
  });
  const get = async (id: string, headers: Record<string, string>) => {
    const answer = await fetch(`${engine.url}/v1/models/${id}`, {
      headers: { authorization: `Bearer ${engine.token}`, ...headers },
    });
    return (await answer.json()) as Record<string, unknown>;
  };
  for (const id of ['up/m', 'm', 'mine', 'm[1m]']) {
    expect(await get(id, { 'anthropic-version': '2023-06-01' })).toMatchObject({
      id,
      max_input_tokens: 9000,
      max_tokens: 500,
      capabilities: { image_input: { supported: true } },
    });
    expect(await get(id, {})).toMatchObject({ id, context_length: 9000, max_completion_tokens: 500 });
  }
});
