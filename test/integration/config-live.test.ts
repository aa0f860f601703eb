import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { waitUntil } from '../helpers/wait-until.ts';

let running: RunningEngine;

beforeEach(async () => {
  running = await runEngine({ providers: [{ id: 'a', type: 'demo' }] }, { reloads: true });
});
afterEach(() => running[Symbol.asyncDispose]());

const file = () => path.join(running.home, 'config.json');
const controls = async () => createRouterClient(await running.engine.controlRouter());
const withAlias = (text: string, alias: string) => text.replace('{', `{ "aliases": { "${alias}": "a/demo" }, `);

describe('an engine that runs', () => {
  it('uses what an editor writes, by itself', async () => {
    const text = await readFile(file(), 'utf8');
    await writeFile(file(), withAlias(text, 'by-hand'));
    await waitUntil('the alias', () => 'by-hand' in running.engine.status().aliases);
  });

  it('says in its status what is wrong with a file that it does not use', async () => {
    const text = await readFile(file(), 'utf8');
    await writeFile(file(), text.replace('{', '{ "alias": {}, '));
    await waitUntil('the problem', () => running.engine.status().config.problems.length > 0);
    expect(running.engine.status().config.problems).toEqual([
      `${file()}:1:3 alias: there is no such field; did you mean aliases?`,
    ]);
    expect(running.engine.status().providers.map(({ id }) => id)).toEqual(['a']);
  });

  it('changes its file over the control API, and uses it when that has answered', async () => {
    const { config } = await controls();
    const before = await config.file();
    const change = { path: ['aliases', 'by-api'], value: 'a/demo' };
    const saved = await config.edit({ changes: [change], base: before.version });
    expect(saved).toMatchObject({ state: 'saved', merged: false });
    expect(running.engine.status().aliases).toEqual({ 'by-api': ['a/demo'] });
    expect(await config.rollback()).toMatchObject({ state: 'saved' });
    expect(running.engine.status().aliases).toEqual({});
    expect(await readFile(file(), 'utf8')).toBe(before.text);
    expect((await config.versions()).map(({ reason }) => reason)).toEqual(['a rollback', 'a change through CProxy']);
  });

  it('takes away a place that is changed without a value', async () => {
    const { config } = await controls();
    const { version } = await config.file();
    const saved = await config.edit({ changes: [{ path: ['providers', 0] }], base: version });
    expect(saved).toMatchObject({ state: 'saved' });
    expect(JSON.parse(await readFile(file(), 'utf8'))).toMatchObject({ providers: [] });
  });

  it('shows the JSON Schema to editors, and to no page elsewhere', async () => {
    const ask = (headers: Record<string, string>) => fetch(`${running.url}/api/config/schema`, { headers });
    expect((await ask({})).headers.get('content-type')).toBe('application/schema+json');
    expect((await ask({ origin: 'https://elsewhere.example' })).status).toBe(403);
  });
});
