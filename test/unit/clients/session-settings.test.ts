import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSettingsOption, sessionSettings, takeSettingsOption } from '../../../src-main/clients/session-settings.ts';
import { SetUpError } from '../../../src-main/clients/set-up-error.ts';

describe("the user's own --settings", () => {
  it('is taken out of the arguments, the last of several, and nothing else', () => {
    expect(takeSettingsOption(['-p', 'hi', '--settings', 'a.json', '--settings=b.json', '--model', 'x'])).toEqual({
      args: ['-p', 'hi', '--model', 'x'],
      settings: 'b.json',
    });
    expect(takeSettingsOption(['-p', '--', '--settings', 'a.json'])).toEqual({
      args: ['-p', '--', '--settings', 'a.json'],
      settings: null,
    });
    // What Claude Code has to say of an option without a value is its own.
    expect(takeSettingsOption(['--settings'])).toEqual({ args: ['--settings'], settings: null });
  });

  it('leaves every other argument as it is', () => {
    const words = fc.array(fc.string().filter((word) => !word.startsWith('--settings')));
    fc.assert(
      fc.property(words, (args) => {
        expect(takeSettingsOption(args)).toEqual({ args, settings: null });
      }),
    );
  });

  it('is a file or JSON, with comments or without', () => {
    expect(readSettingsOption('{"model":"opus"}', () => '')).toEqual({ model: 'opus' });
    const file = (name: string): string => (name === 'a.json' ? '// mine\n{ "env": { "A": "1" }, }' : '[]');
    expect(readSettingsOption('a.json', file)).toEqual({ env: { A: '1' } });
    expect(() => readSettingsOption('list.json', file)).toThrow(SetUpError);
    expect(() => readSettingsOption('{"model":', file)).toThrow(/--settings.*cannot be read/);
    const missing = (): string => {
      throw new Error('ENOENT: no such file');
    };
    expect(() => readSettingsOption('gone.json', missing)).toThrow('--settings gone.json cannot be read: ENOENT');
  });
});

describe('the settings of a session', () => {
  const address = { path: ['env', 'ANTHROPIC_BASE_URL'], value: 'http://127.0.0.1:4777', why: '' };
  const token = { path: ['env', 'ANTHROPIC_AUTH_TOKEN'], value: 'cpx_session', why: '' };

  it("are the user's, and over them ours", () => {
    const own = { permissions: { allow: ['Bash'] }, env: { MINE: 'yes', ANTHROPIC_BASE_URL: 'http://elsewhere' } };
    const outer = { env: { ANTHROPIC_API_KEY: 'sk-own' } };
    expect(sessionSettings({ own, outer, changes: [address, token], subscription: false })).toEqual({
      permissions: { allow: ['Bash'] },
      env: {
        MINE: 'yes',
        ANTHROPIC_BASE_URL: 'http://127.0.0.1:4777',
        ANTHROPIC_AUTH_TOKEN: 'cpx_session',
        ANTHROPIC_API_KEY: '',
      },
    });
    expect(own.env.ANTHROPIC_BASE_URL).toBe('http://elsewhere');
  });

  it('add a header to those that are there, and keep the login', () => {
    const line = { path: ['env', 'ANTHROPIC_CUSTOM_HEADERS'], value: 'x-cproxy-token: cpx_session', why: '' };
    const changes = [address, { ...line, line: 'x-cproxy-token:' }];
    const outer = { env: { ANTHROPIC_CUSTOM_HEADERS: 'X-Team: red', ANTHROPIC_API_KEY: 'sk-own' } };
    expect(sessionSettings({ own: {}, outer, changes, subscription: true })).toEqual({
      env: {
        ANTHROPIC_BASE_URL: 'http://127.0.0.1:4777',
        ANTHROPIC_CUSTOM_HEADERS: 'X-Team: red\nx-cproxy-token: cpx_session',
      },
    });
  });

  it('take a token of ours out of the way of the login', () => {
    const outer = { env: { ANTHROPIC_AUTH_TOKEN: 'cpx_of_the_shell' } };
    const { env } = sessionSettings({ own: {}, outer, changes: [address], subscription: true });
    expect(env).toMatchObject({ ANTHROPIC_AUTH_TOKEN: '' });
  });

  it('turn off what would call another service, and leave what the user said of the window', () => {
    const room = { path: ['env', 'CLAUDE_CODE_MAX_CONTEXT_TOKENS'], value: '32000', why: '' };
    const outer = { env: { CLAUDE_CODE_USE_BEDROCK: '1', CLAUDE_CODE_MAX_CONTEXT_TOKENS: '90000' } };
    const { env } = sessionSettings({ own: {}, outer, changes: [address, room], subscription: false });
    expect(env).toEqual({
      ANTHROPIC_BASE_URL: 'http://127.0.0.1:4777',
      CLAUDE_CODE_USE_BEDROCK: '0',
      ANTHROPIC_API_KEY: '',
    });
    const plain = sessionSettings({ own: {}, outer: {}, changes: [room], subscription: false });
    expect(plain.env).toMatchObject({ CLAUDE_CODE_MAX_CONTEXT_TOKENS: '32000' });
  });
});
