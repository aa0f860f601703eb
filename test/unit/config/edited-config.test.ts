import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src-main/config/config-error.ts';
import { editedConfig } from '../../../src-main/config/edited-config.ts';
import type { LoadedConfig } from '../../../src-main/config/load-config.ts';
import { type ConfigInput, configSchema } from '../../../src-shared/config.ts';

const folders = { config: '/nowhere', data: '/nowhere', cache: '/nowhere', logs: '/nowhere' };
const base: ConfigInput = {
  providers: [
    { id: 'a', type: 'openai-compatible', baseUrl: 'http://127.0.0.1:9', models: ['m'] },
    { id: 'b', type: 'anthropic', key: 'env:B', priority: 2 },
  ],
  aliases: { quick: 'a/m' },
  routing: {
    rules: [
      { id: 'night', when: { time: { from: '22:00' } }, use: { targets: ['a/m', { target: 'b/n', weight: 2 }] } },
    ],
    routes: { background: 'a/m' },
  },
};
const loaded: LoadedConfig = {
  config: configSchema.parse(base),
  file: '/nowhere/config.yaml',
  text: null,
  environment: null,
  namesProviders: true,
  sources: [],
  warnings: [],
};
const edit = (edited: Parameters<typeof editedConfig>[0]) => editedConfig(edited, { loaded, env: {}, folders });
const problemsOf = (edited: Parameters<typeof editedConfig>[0]): string => {
  try {
    edit(edited);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('nothing is wrong with it');
};

describe('editedConfig', () => {
  it('takes sections alone, and leaves the others as they are', () => {
    expect(edit({}).config).toEqual(loaded.config);
    const { config, notes } = edit({ aliases: { other: ['b/n'] } });
    expect(config).toEqual({ ...loaded.config, aliases: { other: ['b/n'] } });
    expect(notes).toEqual([]);
  });

  it('refuses sections that are not valid, and says where', () => {
    expect(problemsOf({ routing: { rules: [{ id: 'x', use: { target: 'a' } }] } })).toMatch(
      /^configuration routing\.rules\[0\]\.use\.target: .*targets/,
    );
  });

  it('takes the text of a file, and tells what of its providers cannot be tried', () => {
    const text = JSON.stringify({
      ...base,
      aliases: { other: 'c/m' },
      providers: [
        { id: 'a', type: 'openai-compatible', baseUrl: 'http://127.0.0.1:9', models: ['m'], priority: 7 },
        { id: 'c', type: 'openai-compatible', baseUrl: 'http://127.0.0.1:9', models: ['m'] },
      ],
    });
    const { config, notes } = edit({ text });
    expect(config.aliases).toEqual({ other: ['c/m'] });
    expect(notes.slice(0, 3)).toEqual([
      expect.stringContaining("'a' is another in the edited file"),
      expect.stringContaining("'c' is only in the edited file"),
      expect.stringContaining("'b' runs, but is not in the edited file"),
    ]);
    expect(edit({ text: JSON.stringify(base) }).notes.filter((note) => note.startsWith('Provider'))).toEqual([]);
  });

  it('names line and column of what is wrong with a text', () => {
    expect(problemsOf({ text: 'aliases:\n  quick: 5\n', file: '/my/edited.yaml' })).toMatch(
      /^\/my\/edited\.yaml:2:10 aliases\.quick: must be/,
    );
  });
});
