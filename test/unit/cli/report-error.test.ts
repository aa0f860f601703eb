import { CommanderError } from 'commander';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CommandError, exitCodes, notRunning } from '../../../src-main/cli/exit-codes.ts';
import { createProgram } from '../../../src-main/cli/program.ts';
import { asksForJson, reportError } from '../../../src-main/cli/report-error.ts';
import { ConfigError } from '../../../src-main/config/config-error.ts';
import { EngineStartError } from '../../../src-main/engine.ts';

let out = '';
let err = '';
beforeEach(() => {
  out = '';
  err = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text);
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

const place = { in: 'file', file: '/c.yaml', line: 3, column: 1 } as const;

describe('an error with --json', () => {
  test.each<[unknown, number, Record<string, unknown>]>([
    [notRunning('cproxy'), exitCodes.notRunning, { code: 'not_running' }],
    [new CommandError('No.', exitCodes.usage), exitCodes.usage, { code: 'usage', message: 'No.' }],
    [new CommanderError(1, 'x', 'error: no'), exitCodes.usage, { code: 'usage', message: 'no' }],
    [new EngineStartError('port_in_use', 'Taken.'), exitCodes.failure, { code: 'port_in_use', message: 'Taken.' }],
    [
      new ConfigError([{ place, path: 'server.port', message: 'no' }]),
      exitCodes.failure,
      {
        code: 'bad_configuration',
        message: '/c.yaml:3:1 server.port: no',
        problems: [{ place, path: 'server.port', message: 'no' }],
      },
    ],
    [Object.assign(new Error('EACCES: x'), { syscall: 'open', path: '/x' }), 1, { code: 'file', message: 'EACCES: x' }],
    [new TypeError('a mistake'), 1, { code: 'internal', message: expect.stringContaining('a mistake\n    at ') }],
    ['thrown', 1, { code: 'internal', message: 'thrown' }],
  ])('%s is one document on standard output', (error, exitCode, document) => {
    expect(reportError(error, true)).toBe(exitCode);
    expect(JSON.parse(out)).toEqual({ error: expect.objectContaining(document) });
    expect(err).toBe('');
  });
});

test('an error without --json is a line on standard error', () => {
  expect(reportError(new CommandError('No.'), false)).toBe(1);
  expect([out, err]).toEqual(['', 'No.\n']);
});

test('help that was asked for is no error', () => {
  expect(reportError(new CommanderError(0, 'commander.help', ''), true)).toBe(0);
  expect([out, err]).toEqual(['', '']);
});

test.each<[string[], boolean]>([
  [['status', '--json'], true],
  [['status'], false],
  [['--port', '0', '--json'], true],
  [['token', 'list', '--json'], true],
  [['config', 'schema', '--json'], false],
  [['keys', 'set', 'x', '--', '--json'], false],
])('whether %j asks for JSON: %s', (args, json) => {
  expect(
    asksForJson(
      createProgram(() => undefined),
      args,
    ),
  ).toBe(json);
});
