import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  findOverridingSettings,
  managedFolderOf,
  type OverridingOptions,
} from '../../../src-main/clients/overriding-settings.ts';

let home = '';
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'cproxy-over-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const place = (...parts: string[]): string => path.join(home, ...parts);
async function write(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
}
const find = (more: Partial<OverridingOptions> = {}): Promise<string[]> =>
  findOverridingSettings({
    ...{ names: ['ANTHROPIC_BASE_URL', 'ANTHROPIC_AUTH_TOKEN'], subscription: false, setsMode: true },
    ...{ endpoint: 'http://127.0.0.1:4777', file: place('user', '.claude', 'settings.json'), env: {} },
    ...{ cwd: place('repo', 'deep'), platform: 'linux' as const, managedFolder: place('managed') },
    ...more,
  });

describe('settings that win', () => {
  it('are found where an organisation has them, with their lines', async () => {
    await write(
      place('managed', 'managed-settings.json'),
      '{\n  "env": {\n    "ANTHROPIC_BASE_URL": "https://corp"\n  }\n}',
    );
    await write(place('managed', 'managed-settings.d', '10-login.json'), '{ "forceLoginMethod": "claudeai" }');
    await write(place('managed', 'managed-settings.d', 'note.txt'), '{ "apiKeyHelper": "x" }');
    expect(await find()).toEqual([
      `${place('managed', 'managed-settings.json')}:3 sets ANTHROPIC_BASE_URL. Your organisation's settings win over yours.`,
      `${place('managed', 'managed-settings.d', '10-login.json')}:1 has forceLoginMethod: Claude Code asks for that login, whatever token it has.`,
    ]);
  });

  it('are found from the working folder up to the root of the repository', async () => {
    await mkdir(place('repo', '.git'), { recursive: true });
    await write(
      place('repo', 'deep', '.claude', 'settings.local.json'),
      '{ "permissions": { "defaultMode": "plan" } }',
    );
    await write(place('repo', '.claude', 'settings.json'), '// ours\n{ "env": { "CLAUDE_CODE_USE_BEDROCK": "1" } }');
    await write(place('.claude', 'settings.json'), '{ "env": { "ANTHROPIC_BASE_URL": "https://outside" } }');
    const found = await find();
    expect(found).toHaveLength(2);
    expect(found[0]).toContain(
      `${place('repo', 'deep', '.claude', 'settings.local.json')}:1 sets permissions.defaultMode`,
    );
    expect(found[1]).toContain(`${place('repo', '.claude', 'settings.json')}:2 sets CLAUDE_CODE_USE_BEDROCK`);
    expect(await find({ setsMode: false })).toHaveLength(1);
  });

  it('are not the settings that are written, nor the same address', async () => {
    const file = place('home', '.claude', 'settings.json');
    await write(file, '{ "env": { "ANTHROPIC_BASE_URL": "https://old", "ANTHROPIC_AUTH_TOKEN": "mine" } }');
    expect(await find({ cwd: place('home'), file })).toEqual([]);
    await write(
      place('repo', 'deep', '.claude', 'settings.json'),
      '{"env":{"ANTHROPIC_BASE_URL":"http://127.0.0.1:4777"}}',
    );
    expect(await find()).toEqual([]);
  });

  it('include credentials in the own settings, and broken files do not hide the rest', async () => {
    await write(place('user', '.claude', 'settings.json'), '{ "apiKeyHelper": "/bin/key" }');
    await write(place('managed', 'managed-settings.json'), '{ "env": { "ANTHROPIC_BASE_URL": "https://corp" ');
    const found = await find();
    expect(found[0]).toContain('ANTHROPIC_BASE_URL');
    expect(found[1]).toContain('names an apiKeyHelper');
  });
});

describe('the settings that are written', () => {
  it.each([
    ['a comment', '{\n  // mine\n  "env": {}\n}', 2],
    ['a comma too many', '\uFEFF{\n  "env": {\n    "A": "1",\n  }\n}', 4],
  ])('are not read by Claude Code where there is %s', async (_what, text, line) => {
    const file = place('user', '.claude', 'settings.json');
    await write(file, text);
    expect(await find()).toEqual([expect.stringContaining(`${file}:${line} has a comment or a comma too many.`)]);
  });

  it('are read with a byte order mark', async () => {
    await write(place('user', '.claude', 'settings.json'), '\uFEFF{ "env": {} }\r\n');
    expect(await find()).toEqual([]);
  });
});

describe('variables of the shell', () => {
  it('are said where they lead elsewhere', async () => {
    const found = await find({
      env: {
        ANTHROPIC_API_KEY: 'sk-canary',
        CLAUDE_CODE_USE_VERTEX: '1',
        ANTHROPIC_UNIX_SOCKET: '/s',
        HTTP_PROXY: 'http://p',
      },
    });
    expect(found.map((line) => line.split('. ')[0])).toEqual([
      'The shell sets ANTHROPIC_API_KEY',
      'The shell sets CLAUDE_CODE_USE_VERTEX',
      'The shell sets ANTHROPIC_UNIX_SOCKET, through which Claude Code would go instead',
      'The shell sets HTTP_PROXY, and Claude Code may go to 127.0.0.1 through that proxy',
    ]);
    expect(found.join()).not.toContain('canary');
  });

  it('are not said where they do not matter', async () => {
    const env = {
      CLAUDE_CODE_USE_VERTEX: '0',
      HTTP_PROXY: 'http://p',
      NO_PROXY: 'localhost,127.0.0.1',
      ANTHROPIC_BASE_URL: 'x',
    };
    expect(await find({ env })).toEqual([]);
  });
});

it('knows where each system keeps what an organisation says', () => {
  expect(managedFolderOf('linux')).toBe('/etc/claude-code');
  expect(managedFolderOf('darwin')).toBe('/Library/Application Support/ClaudeCode');
  expect(managedFolderOf('win32')).toBe('C:\\Program Files\\ClaudeCode');
});
