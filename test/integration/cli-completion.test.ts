import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { completionScript } from '../../src-main/cli/completion-scripts.ts';
import { requires } from '../helpers/missing-programs.ts';

const program = path.resolve(import.meta.dirname, '../../src-main/cli.ts');
let home: string;

/** A shell with nothing of its user's, that finds a `cproxy` on its path. */
const inShell = (shell: string, args: readonly string[], input?: string): string => {
  const { status, stdout, stderr } = spawnSync(shell, args, {
    encoding: 'utf8',
    env: { PATH: `${home}/bin:${process.env.PATH}`, HOME: home, CPROXY_HOME: home, TERM: 'dumb' },
    cwd: home,
    ...(input === undefined ? {} : { input }),
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
};

beforeAll(() => {
  home = mkdtempSync(path.join(tmpdir(), 'cproxy-shells-'));
  spawnSync('mkdir', [path.join(home, 'bin')]);
  symlinkSync(process.execPath, path.join(home, 'bin/node'));
  writeFileSync(path.join(home, 'bin/cproxy'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`, {
    mode: 0o755,
  });
  writeFileSync(path.join(home, 'draft one.yaml'), '');
  for (const shell of ['bash', 'zsh', 'fish'] as const)
    writeFileSync(path.join(home, `cproxy.${shell}`), completionScript(shell, 'cproxy'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const bash = requires('bash');
describe.skipIf(bash.missing)(`in bash${bash.reason}`, () => {
  const complete = (line: string): string[] => {
    const quoted = line.replaceAll("'", "'\\''");
    const script = `source cproxy.bash; COMP_LINE='${quoted}'; COMP_POINT=\${#COMP_LINE}; COMP_WORDS=(${line}); COMP_CWORD=1
      _cproxy cproxy; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return inShell('bash', ['--norc', '-c', script])
      .split('\n')
      .filter((word) => word !== '');
  };

  test('commands, options and values', () => {
    expect(complete('cproxy stat')).toEqual(['status']);
    expect(complete('cproxy token ')).toEqual(['new', 'list', 'revoke', 'help']);
    expect(complete('cproxy status --w')).toEqual(['--watch']);
    expect(complete('cproxy nonsense and more ')).toEqual([]);
  });

  test('bash has broken the word at = already, and wants what is behind it', () => {
    expect(complete('cproxy simulate --protocol=openai-r')).toEqual(['openai-responses']);
  });

  test('files, with spaces in their names', () => {
    expect(complete('cproxy config check dra')).toEqual(['draft one.yaml']);
  });
});

const zsh = requires('zsh');
describe.skipIf(zsh.missing)(`in zsh${zsh.reason}`, () => {
  /** What it would show: zsh's own completion needs a terminal, so what the function hands to it is printed. */
  const complete = (...words: string[]): string[] => {
    const script = `compdef() { :; }
      _describe() { shift 2; print -l -- "\${(@P)1}"; }; _files() { print -- FILES; }
      source ./cproxy.zsh; words=(${words.map((word) => `'${word}'`).join(' ')}); CURRENT=$#words; _cproxy`;
    return inShell('zsh', ['-f', '-c', script])
      .split('\n')
      .filter((word) => word !== '');
  };

  test('commands with what they do, options and values', () => {
    expect(complete('cproxy', 'stat')).toEqual([
      'status:what runs, how its providers do, their keys, and the newest requests',
    ]);
    expect(complete('cproxy', 'token', '')).toEqual(expect.arrayContaining([expect.stringMatching(/^revoke:/)]));
    expect(complete('cproxy', 'simulate', '--protocol', '')).toEqual(['anthropic', 'openai-chat', 'openai-responses']);
    expect(complete('cproxy', 'config', 'check', '')).toEqual(['FILES']);
  });

  test('the script is one that zsh takes as a whole', () => {
    expect(inShell('zsh', ['-f', '-n', 'cproxy.zsh'])).toBe('');
  });
});

const fish = requires('fish');
describe.skipIf(fish.missing)(`in fish${fish.reason}`, () => {
  const complete = (line: string): string[] =>
    inShell('fish', ['--no-config', '-c', `source cproxy.fish; complete -C '${line}'`])
      .split('\n')
      .filter((word) => word !== '');

  test('commands with what they do, options, values and files', () => {
    expect(complete('cproxy stat')).toEqual([
      'status\twhat runs, how its providers do, their keys, and the newest requests',
    ]);
    expect(complete('cproxy token ')).toEqual(expect.arrayContaining([expect.stringMatching(/^revoke\t/)]));
    expect(complete('cproxy simulate --protocol openai-r')).toEqual(['openai-responses']);
    expect(complete('cproxy config check dra')).toEqual([expect.stringContaining('draft')]);
  });
});
