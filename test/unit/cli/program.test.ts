import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { commandsOf, withCommands } from '../../../scripts/lib/command-line.ts';
import { exitCodes } from '../../../src-main/cli/exit-codes.ts';
import { createProgram } from '../../../src-main/cli/program.ts';

const program = (): Command => createProgram(() => undefined);
const page = readFileSync(path.resolve(import.meta.dirname, '../../../docs/command-line.md'), 'utf8');

const at = (name: string): Command =>
  name
    .split(' ')
    .slice(1)
    .reduce((above, part) => {
      const found = above.commands.find((command) => command.name() === part);
      if (found === undefined) throw new Error(`no command ${name}`);
      return found;
    }, program());

describe.each(commandsOf(program()))('$name', ({ name, help }) => {
  test('teaches by an example of its own', () => {
    expect(help).toMatch(/\nExamples?:\n {2}\$ /);
    const own = at(name).name();
    expect(help.slice(help.search(/\nExamples?:/))).toContain(own === 'serve' ? 'cproxy' : own);
  });

  test('says what it, its options and its arguments are, in lines that fit', () => {
    const command = at(name);
    expect(command.description()).not.toBe('');
    for (const { description, flags } of command.options) expect([flags, description]).not.toEqual([flags, '']);
    for (const argument of command.registeredArguments)
      expect([argument.name(), argument.description]).not.toEqual([argument.name(), '']);
    for (const line of help.split('\n')) expect([line, line.length <= 100]).toEqual([line, true]);
  });
});

test('the page has the help of every command', () => {
  // `node scripts/run.mjs scripts/make-command-line.mjs` brings it up to date.
  expect(page).toBe(withCommands(page));
});

test('the page and the help name the exit codes', () => {
  for (const code of Object.values(exitCodes)) expect(page).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'));
});
