import { describe, expect, it } from 'vitest';
import { sharesLoopback, type WslQuestion, wslSide, wslWarnings } from '../../../src-main/clients/wsl.ts';

const LINUX = 'Linux version 6.8.0-45-generic (buildd@lcy02)';
const WSL = 'Linux version 5.15.153.1-microsoft-standard-WSL2 (root@941d701f84f1)';

const question = (changes: Partial<WslQuestion> & { version?: string; mode?: string | null }): WslQuestion => ({
  platform: 'linux',
  env: {},
  readFile: (file) => (file === '/proc/version' ? (changes.version ?? WSL) : null),
  networkingMode: () => (changes.mode === undefined ? 'nat\n' : changes.mode),
  engineRunsHere: false,
  clientFile: null,
  endpoint: 'http://127.0.0.1:4777',
  ...changes,
});

describe('which side this is', () => {
  it.each([
    ['win32', {}, LINUX, 'windows'],
    ['darwin', {}, '', 'elsewhere'],
    ['linux', {}, LINUX, 'elsewhere'],
    ['linux', {}, WSL, 'wsl'],
    // A kernel of one's own need not say so.
    ['linux', { WSL_DISTRO_NAME: 'Ubuntu' }, LINUX, 'wsl'],
    ['linux', { WSL_DISTRO_NAME: '' }, LINUX, 'elsewhere'],
  ] as const)('%s %j %s → %s', (platform, env, version, side) => {
    expect(wslSide({ platform, env, readFile: () => version })).toBe(side);
  });
  it('is Linux where its version cannot be read', () => {
    expect(wslSide({ platform: 'linux', env: {}, readFile: () => null })).toBe('elsewhere');
  });
});

describe('whether the loopback is shared', () => {
  it.each([
    ['mirrored\n', true],
    ['wsl1', true],
    ['nat\n', false],
    ['virtioproxy', false],
    [null, null],
  ])('%j → %j', (mode, shared) => {
    expect(sharesLoopback({ networkingMode: () => mode })).toBe(shared);
  });
});

describe('what is said', () => {
  it('in WSL without an engine: one on Windows is not reached', () => {
    const [said = '', ...more] = wslWarnings(question({}));
    expect(said).toContain('Run CProxy inside WSL.');
    expect(said).toContain('networkingMode=mirrored');
    expect(more).toEqual([]);
    expect(wslWarnings(question({ mode: null }))).toHaveLength(1);
  });
  it('nothing where an engine runs here, the network is one, or this is no WSL', () => {
    expect(wslWarnings(question({ engineRunsHere: true }))).toEqual([]);
    expect(wslWarnings(question({ mode: 'mirrored' }))).toEqual([]);
    expect(wslWarnings(question({ version: LINUX }))).toEqual([]);
  });
  it('of a client on the other side', () => {
    const onWindows = question({ engineRunsHere: true, clientFile: '/mnt/c/Users/me/.claude/settings.json' });
    expect(wslWarnings(onWindows)[0]).toContain('belongs to a client on Windows');
    const inWsl = String.raw`\\wsl.localhost\Ubuntu\home\me\.claude\settings.json`;
    const fromWindows = question({ platform: 'win32', engineRunsHere: true, clientFile: inWsl });
    expect(wslWarnings(fromWindows)[0]).toContain('Run CProxy inside WSL');
    expect(wslWarnings({ ...fromWindows, clientFile: String.raw`C:\Users\me\.claude\settings.json` })).toEqual([]);
  });
});
