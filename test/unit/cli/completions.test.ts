import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { completionScript, type Shell } from '../../../src-main/cli/completion-scripts.ts';
import { completions, sources } from '../../../src-main/cli/completions.ts';
import { createProgram } from '../../../src-main/cli/program.ts';
import { runEngine } from '../../helpers/running-engine.ts';

const program = (): Command => createProgram(() => undefined);
const complete = (...words: string[]) => completions(program(), words);
const wordsOf = async (...words: string[]) => (await complete(...words)).map((line) => line.split('\t')[0]);

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'cproxy-complete-'));
  vi.stubEnv('CPROXY_HOME', home);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

describe('what the commands know themselves', () => {
  test('commands, each with what it does', async () => {
    expect(await complete('stat')).toEqual([
      'status\twhat runs, how its providers do, their keys, and the newest requests',
    ]);
    expect(await wordsOf('')).toContain('config');
    expect(await wordsOf('')).not.toContain('__complete');
    expect(await wordsOf('config', 'r')).toEqual(['rollback']);
    expect(await wordsOf('token', '')).toEqual(expect.arrayContaining(['new', 'list', 'revoke']));
  });

  test('options, those of serve where no command is named', async () => {
    expect(await wordsOf('status', '--')).toEqual(['--probe', '--watch', '--json', '--help']);
    expect(await wordsOf('--po')).toEqual(['--port']);
  });

  test('values that are a choice, behind a space or =', async () => {
    expect(await wordsOf('completion', '')).toEqual(['bash', 'zsh', 'fish', 'powershell']);
    expect(await wordsOf('simulate', '--protocol', 'openai')).toEqual(['openai-chat', 'openai-responses']);
    expect(await wordsOf('simulate', '--protocol=openai-r')).toEqual(['--protocol=openai-responses']);
    expect(await wordsOf('simulate', '--class', 'ba')).toEqual(['background']);
  });

  test('files, places of the configuration, and nothing where anything may stand', async () => {
    expect(await complete('serve', '--config', '')).toEqual([':files']);
    expect(await complete('config', 'check', '')).toEqual([':files']);
    expect(await wordsOf('config', 'set', 'routing.load')).toContain('routing.loadBalancing.strategy');
    expect(await complete('token', 'new', '')).toEqual([]);
    expect(await complete('keys', 'set', 'a', '')).toEqual([]);
  });

  test('behind -- no option is meant', async () => {
    expect(await complete('status', '--', '--')).toEqual([]);
  });

  test('an empty word as an older PowerShell hands it over', async () => {
    expect(await wordsOf('token', '""')).toEqual(await wordsOf('token', ''));
  });
});

test('what only an engine knows', async () => {
  const provider = (id: string, models: string[]) => ({
    id,
    type: 'openai-compatible' as const,
    baseUrl: 'http://127.0.0.1:9',
    models,
  });
  await using _engine = await runEngine(
    {
      providers: [provider('local', ['qwen3:8b', 'llama']), provider('lab', ['kimi'])],
      aliases: { best: ['lab/kimi'] },
    },
    { home },
  );
  expect(await complete('keys', 'set', 'l')).toEqual(['local\topenai-compatible', 'lab\topenai-compatible']);
  expect(await wordsOf('simulate', '--model', '')).toEqual(['best', 'local/qwen3:8b', 'local/llama', 'lab/kimi']);
  expect(await complete('simulate', '--model', 'be')).toEqual(['best\tlab/kimi']);
  expect(await wordsOf('circuits', 'lab')).toEqual(['lab', 'lab/kimi']);
  expect(await complete('token', 'revoke', '')).toEqual([expect.stringMatching(/^[0-9a-f]{8}\tfirst$/)]);
});

test('without an engine there is nothing to say of its names, and no complaint', async () => {
  expect(await complete('simulate', '--model', '')).toEqual([]);
  expect(await complete('explain', '')).toEqual([]);
});

test.each(Object.keys(sources))('%s is there', (key) => {
  const parts = key.split(' ');
  const name = parts.pop() ?? '';
  const command = parts.reduce<Command | undefined>(
    (above, part) => above?.commands.find((child) => child.name() === part),
    program(),
  );
  const names = [
    ...(command?.options.map(({ long }) => long) ?? []),
    ...(command?.registeredArguments.map((argument) => argument.name()) ?? []),
  ];
  expect(names).toContain(name);
});

test.each<Shell>(['bash', 'zsh', 'fish', 'powershell'])('the script for %s says how to install it', (shell) => {
  const [first = '', second = '', third = ''] = completionScript(shell, 'npx cproxy').split('\n');
  expect([first, second, third].join('\n')).toContain(`npx cproxy completion ${shell}`);
});
