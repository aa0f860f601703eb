import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { importConfig, importSources } from '../../../../src-main/config/import/import-config.ts';
import { fixtureText, importFixture, loadImported, shownOf } from './imported.ts';

const names = readdirSync(path.resolve(import.meta.dirname, '../../../fixtures/imports'));

describe.each(names)('%s', (name) => {
  it('is recognised by its shape, and not as another program’s', () => {
    const program = name.startsWith('ccr')
      ? 'claude-code-router'
      : name.startsWith('cc-switch')
        ? 'cc-switch'
        : 'LiteLLM';
    expect(importFixture(name).report.source).toMatch(new RegExp(`^${program}`));
  });

  it('becomes a configuration that loads without a problem and without a warning', () => {
    const imported = importFixture(name);
    const { config, warnings } = loadImported(imported);
    expect(warnings).toEqual([]);
    expect(config.providers.length).toBeGreaterThan(0);
    expect(parse(imported.text)).toEqual(imported.value);
  });

  it('shows no key, and puts aside those that are in the file, one a reference', () => {
    const imported = importFixture(name);
    expect(shownOf(imported)).not.toMatch(/canary/);
    const references = imported.report.keys.filter(({ found }) => found === 'file').map(({ reference }) => reference);
    expect(references).toEqual(imported.secrets.map((secret) => `keychain:${secret.name}`));
    for (const { key } of imported.secrets) expect(fixtureText(name)).toContain(key);
    for (const { provider } of imported.secrets)
      expect(loadImported(imported).config.providers.map(({ id }) => id)).toContain(provider);
  });

  it('says of each provider that it was carried', () => {
    const { report, value } = importFixture(name);
    expect(report.carried.length).toBeGreaterThanOrEqual((value.providers as unknown[]).length);
  });

  it('uses the variable that holds a key already', () => {
    const { secrets } = importFixture(name);
    const env = Object.fromEntries(secrets.map(({ key }, index) => [`MY_${index}_KEY`, key]));
    const again = importFixture(name, env);
    expect(again.secrets).toEqual([]);
    for (const variable of Object.keys(env)) expect(again.text).toContain(`env:${variable}`);
    expect(loadImported(again).config.providers.length).toBeGreaterThan(0);
  });
});

it('is none of these programs’', () => {
  for (const text of ['{}', 'providers: [{ id: a, type: vllm }]', '{"model": "x"}', '[1]'])
    expect(() => importConfig(text, { file: 'x', env: {} }) ?? null).not.toThrow(TypeError);
  expect(importConfig('providers: [{ id: a, type: vllm }]', { file: 'x', env: {} })).toBeNull();
});

it('never throws but for what cannot be read, whatever a file of that program says', () => {
  const odd = [
    {},
    { Providers: null, Router: 7 },
    { Providers: [null, 1, 'x', { name: 1 }, { name: 'a', api_base_url: 'not an address' }], Router: { default: {} } },
    { claude: { providers: { a: null, b: { settingsConfig: null } }, current: 5 } },
    { model_list: [null, { model_name: 'a', litellm_params: { model: '' } }, { model_name: 'a', litellm_params: [] }] },
    { model_list: 'no', router_settings: [], litellm_settings: { fallbacks: [{ a: null }, 'x'] }, general_settings: 1 },
  ];
  for (const value of odd)
    for (const from of importSources) {
      const imported = importConfig(JSON.stringify(value), { file: 'x', env: {}, from });
      expect(imported?.report.source).toBeTypeOf('string');
    }
});
