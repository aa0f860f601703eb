import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConfigInput } from '../../src-shared/config.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';

// Every command is a process of its own, which takes its time where many tests run at once.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const program = path.resolve(import.meta.dirname, '../../src-main/cli.ts');

let upstream: ScriptableUpstream;
beforeEach(async () => {
  upstream = await startUpstream();
  upstream.script(() => say('fine'));
});
afterEach(() => upstream.close());

const configWith = (routing: ConfigInput['routing'] = {}): ConfigInput => ({
  providers: ['a', 'b'].map((id) => ({
    id,
    type: 'anthropic-compatible' as const,
    baseUrl: upstream.url,
    models: ['big', 'small'],
  })),
  routing,
});
const edited: ConfigInput['routing'] = {
  rules: [{ id: 'haiku', when: { model: '*haiku*' }, use: { targets: 'b/small' } }],
  tiers: { haiku: 'a/small' },
};
const run = () => runEngine(configWith({ tiers: { haiku: 'a/small' } }));
const controlOf = async ({ engine }: RunningEngine) => createRouterClient(await engine.controlRouter());
const ask = async ({ ask: send }: RunningEngine, model: string, text = 'hi'): Promise<void> => {
  const answer = await send(question(text, { model }));
  await answer.text();
  expect(answer.status).toBe(200);
};

async function cproxy(home: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { PATH, SystemRoot, HOME } = process.env;
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH, SystemRoot, HOME, CPROXY_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    texts.err += text;
  });
  const [code] = await once(child, 'close');
  return { code, ...texts };
}

describe('routing.simulate', () => {
  it('tries edited rules on real requests without calling anyone', async () => {
    await using running = await run();
    for (const model of ['claude-haiku-4-5', 'big', 'claude-haiku-4-5']) await ask(running, model);
    const control = await controlOf(running);
    const asked = upstream.requests.length;
    const { results } = await control.routing.simulate({ last: 10, edited: { routing: edited } });
    expect(results.map(({ model, differs, to, before }) => [model, differs, to.target, before?.target])).toEqual([
      ['claude-haiku-4-5', true, 'b/small', 'a/small'],
      ['big', false, 'a/big', 'a/big'],
      ['claude-haiku-4-5', true, 'b/small', 'a/small'],
    ]);
    expect(results.every(({ explanation }) => explanation === null)).toBe(true);
    const [one] = (await control.routing.simulate({ request: 'latest', edited: { routing: edited } })).results;
    expect(one).toMatchObject({ to: { route: 'rule haiku' }, explanation: { rules: [{ outcome: 'matched' }] } });
    const [now] = (await control.routing.simulate({ request: 'latest' })).results;
    expect(now).toMatchObject({ differs: false, to: { target: 'a/small', route: 'tier haiku' } });
    expect(upstream.requests).toHaveLength(asked);
  });

  it('tries a request made by hand, and refuses what is none', async () => {
    await using running = await run();
    const { routing } = await controlOf(running);
    const [made] = (await routing.simulate({ facts: { model: 'claude-haiku-4-5', class: 'background' } })).results;
    expect(made).toMatchObject({ request: null, to: { target: 'a/small' }, before: null, class: 'background' });
    await expect(routing.simulate({})).rejects.toThrow('takes one of request, last and facts');
    await expect(routing.simulate({ last: 1, facts: { model: 'm' } })).rejects.toThrow('takes one of');
    await expect(routing.simulate({ request: 'req_none' })).rejects.toThrow('must be the id of one of the newest');
  });

  it('refuses an edited configuration that is not valid, with the place of each problem', async () => {
    await using running = await run();
    const { routing } = await controlOf(running);
    const text = 'routing:\n  rules:\n    - id: x y\n      use: { targts: a/big }\n';
    const refusal = routing.simulate({ last: 1, edited: { text, file: '/my/edited.yaml' } });
    await expect(refusal).rejects.toThrow(/\/my\/edited\.yaml:3:11 .*\n\/my\/edited\.yaml:4:14 .*targets/);
    await expect(routing.simulate({ last: 1, edited: { routing: { rules: 5 } } })).rejects.toThrow(
      'routing.rules: must be a list',
    );
  });

  it('leaves round robin where it was', async () => {
    await using running = await runEngine(configWith({ loadBalancing: { strategy: 'round-robin' } }));
    const { routing, requests } = await controlOf(running);
    const went: (string | undefined)[] = [];
    for (let index = 0; index < 4; index += 1) {
      for (let again = 0; again < 3; again += 1) await routing.simulate({ facts: { model: 'big' } });
      await ask(running, 'big', `conversation ${index}`);
      went.push((await requests.list({ limit: 1 }))[0]?.attempts[0]?.provider);
    }
    expect(went).toEqual(['a', 'b', 'a', 'b']);
  });
});

describe('routing.view', () => {
  it('tells the rules in force and what else decides', async () => {
    await using running = await runEngine(
      configWith({
        rules: [{ id: 'off', enabled: false, use: { targets: 'a/big' } }],
        loadBalancing: { strategy: 'weighted' },
      }),
    );
    expect(await (await controlOf(running)).routing.view()).toMatchObject({
      rules: [{ id: 'off', source: 'rule', enabled: false }],
      strategy: 'weighted',
      failover: true,
      circuits: [],
    });
  });
});

describe('cproxy explain and cproxy simulate', () => {
  it('ask the engine that runs', async () => {
    await using running = await run();
    const { home } = running;
    expect(await cproxy(home, 'explain')).toMatchObject({ code: 1, err: 'There was no request yet.\n' });
    for (const model of ['claude-haiku-4-5', 'big']) await ask(running, model);
    const file = path.join(home, 'edited.json');
    await writeFile(file, JSON.stringify(configWith(edited)));

    const explained = await cproxy(home, 'explain');
    expect(explained.out).toMatch(/^big was answered by a\/big in .*\n {2}sent there by model big\n/);
    expect(explained.code).toBe(0);
    expect(await cproxy(home, 'explain', '--failed')).toMatchObject({
      code: 1,
      err: expect.stringContaining('No request has failed'),
    });
    expect(await cproxy(home, 'explain', 'req_none')).toMatchObject({
      code: 1,
      err: expect.stringContaining('req_none'),
    });
    const { request } = JSON.parse((await cproxy(home, 'explain', '--json')).out);

    const last = await cproxy(home, 'simulate', '--last', '10', '--config', file);
    expect(last.out).toMatch(/^1 of 2 requests would go elsewhere.*\n {2}1 x main, claude-haiku-4-5: a\/small/);
    const one = await cproxy(home, 'simulate', '--request', request.id, '--config', file);
    expect(one.out).toMatch(/ would go to a\/big \(model big\)\n {2}as before: a\/big/);
    const made = await cproxy(home, 'simulate', '--model', 'claude-haiku-4-5', '--config', file, '--json');
    expect(JSON.parse(made.out)).toMatchObject({
      results: [{ differs: true, to: { target: 'b/small' }, before: { target: 'a/small' } }],
      notes: [],
    });
    await writeFile(file, '{ "aliases": { "x": 5 } }');
    const refused = await cproxy(home, 'simulate', '--last', '10', '--config', file);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining(`${file}:1:21 aliases.x`) });
  });

  it('go by the configuration alone where none runs, as far as it is known', async () => {
    const home = await mkdtemp(path.join(tmpdir(), 'cproxy-simulate-'));
    try {
      const file = path.join(home, 'edited.json');
      await writeFile(file, JSON.stringify(configWith(edited)));
      const made = await cproxy(home, 'simulate', '--model', 'claude-haiku-4-5', '--config', file);
      expect(made.out).toMatch(
        /^claude-haiku-4-5 would go to b\/small \(rule haiku\)\n\nMind:\n {2}CProxy is not running/,
      );
      expect(await cproxy(home, 'simulate', '--last', '5')).toMatchObject({ code: 3 });
      expect(await cproxy(home, 'simulate')).toMatchObject({ code: 2, err: expect.stringContaining('--model NAME') });
      expect(await cproxy(home, 'simulate', '--model', 'm', '--time', 'noon')).toMatchObject({ code: 2 });
      expect(await cproxy(home, 'explain')).toMatchObject({ code: 3 });
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  });
});
