import { execFile } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';
import { cheapestModel } from '../live/cheapest-model.ts';
import { liveProviders } from '../live/live-providers.ts';
import { everywhere } from './provider-contract.ts';
import { startStandIn } from './vendor-stand-in.ts';
import { vendors } from './vendors.ts';

/** `npm run test:live`, with a stand-in in the vendor's place. */

const key = 'canary.live.7f3a9b0123';
const run = path.resolve(import.meta.dirname, '../live/run.ts');

function runLive(
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const { PATH = '' } = process.env;
    execFile(process.execPath, [run, ...args], { env: { PATH, ...env } }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
  });
}

const outcomeOf = (table: string, name: string): string | undefined =>
  table
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .find((cells) => cells[1] === name)?.[2];

it('a provider that does what it must passes all cases', { timeout: 60_000 }, async () => {
  const vendor = vendors.find(({ type }) => type === 'openai-compatible');
  if (vendor === undefined) throw new Error('there is no such stand-in');
  await using standIn = await startStandIn(vendor);
  standIn.accounts.set(key);
  const { code, stdout, stderr } = await runLive(['openai-compatible', 'openai'], {
    CPROXY_LIVE_URL_OPENAI_COMPATIBLE: standIn.baseUrl,
    CPROXY_LIVE_KEY_OPENAI_COMPATIBLE: key,
  });
  expect(stderr).toBe('');
  expect(stdout).toContain('SKIPPED openai: CPROXY_LIVE_KEY_OPENAI or OPENAI_API_KEY is not set');
  for (const { name } of everywhere) expect(`${name}: ${outcomeOf(stdout, name)}`).toBe(`${name}: ok`);
  expect(code).toBe(0);
  expect(stdout + stderr).not.toContain(key);
});

it('what fails is named, and ends it with 1', { timeout: 60_000 }, async () => {
  const vendor = vendors.find(({ type }) => type === 'openai-compatible');
  if (vendor === undefined) throw new Error('there is no such stand-in');
  await using standIn = await startStandIn(vendor);
  // It takes any key for a good one's, and answers none of them: the words hold the key.
  standIn.accounts.set(key, vendor.refusesKey(key));
  const { code, stdout, stderr } = await runLive(['openai-compatible'], {
    CPROXY_LIVE_URL_OPENAI_COMPATIBLE: standIn.baseUrl,
    CPROXY_LIVE_KEY_OPENAI_COMPATIBLE: key,
    CPROXY_LIVE_MODEL_OPENAI_COMPATIBLE: 'glm-5.3',
  });
  expect(stdout).toContain('openai-compatible: asking glm-5.3');
  expect(outcomeOf(stdout, 'plain answer, anthropic')).toBe('FAILED');
  expect(stdout).toMatch(/openai-compatible, plain answer, anthropic: .*refused its API key/);
  expect(code).toBe(1);
  expect(stdout + stderr).not.toContain(key);
});

it('who has no key, no address or no server is skipped by name', async () => {
  const { tried, skipped } = await liveProviders({ DEEPSEEK_API_KEY: key }, [
    'deepseek',
    'anthropic',
    'azure-openai',
    'anthropic-compatible',
    'demo',
  ]);
  expect(tried).toEqual([
    {
      type: 'demo',
      baseUrl: null,
      key: null,
      model: null,
      wrongKey: null,
    },
    {
      type: 'deepseek',
      baseUrl: null,
      key: { variable: 'DEEPSEEK_API_KEY', value: key },
      model: null,
      wrongKey: expect.stringMatching(/^sk-/),
    },
  ]);
  expect(skipped.map(({ type, reason }) => `${type}: ${reason}`).sort()).toEqual([
    'anthropic-compatible: CPROXY_LIVE_URL_ANTHROPIC_COMPATIBLE is not set',
    'anthropic: CPROXY_LIVE_KEY_ANTHROPIC or ANTHROPIC_API_KEY is not set',
    'azure-openai: CPROXY_LIVE_URL_AZURE_OPENAI is not set',
  ]);
  await expect(liveProviders({}, ['nobody'])).rejects.toThrow('There is no type or vendor nobody');
});

it('the cheapest model with a price is asked, else the first', () => {
  expect(cheapestModel(['claude-opus-5-5', 'claude-haiku-4-5', 'claude-fable-5'])).toBe('claude-haiku-4-5');
  expect(cheapestModel(['unheard-of', 'unknown'])).toBe('unheard-of');
  expect(cheapestModel(['unheard-of', 'claude-opus-5-5'])).toBe('claude-opus-5-5');
  expect(cheapestModel([])).toBeNull();
});
