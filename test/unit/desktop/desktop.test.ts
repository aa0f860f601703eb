import { describe, expect, it } from 'vitest';
import { parseFlags } from '../../../src-main/desktop/flags.ts';
import { trayIconName, trayMenu } from '../../../src-main/desktop/tray-menu.ts';
import { externalAddress, isOwnPage, uiOrigin } from '../../../src-main/desktop/ui-origin.ts';

describe('flags of the desktop application', () => {
  it('are found among those of Electron and Chromium', () => {
    const args = ['/project', '--no-sandbox', '--remote-debugging-port=0', '--port', '5000', '--env=staging'];
    expect(parseFlags(args)).toEqual({ file: undefined, environment: 'staging', port: 5000, host: undefined });
    expect(parseFlags(['-p', '5001', '--config', 'a.yaml', '--host', '::1'])).toEqual({
      file: 'a.yaml',
      environment: undefined,
      port: 5001,
      host: '::1',
    });
  });

  it('turn a port that is none into one that the configuration refuses', () => {
    expect(parseFlags(['--port', 'abc']).port).toBeNaN();
    expect(parseFlags(['--port']).port).toBeUndefined();
  });
});

describe('addresses', () => {
  it('are our own only with the whole origin', () => {
    expect(isOwnPage(`${uiOrigin}/index.html`)).toBe(true);
    for (const other of [
      `${uiOrigin}.example.com/`,
      `http${uiOrigin.slice(5)}/`,
      'about:blank',
      'file:///etc/passwd',
      '',
    ])
      expect(isOwnPage(other), other).toBe(false);
  });

  it('are opened in the browser only where they are plain web pages', () => {
    expect(externalAddress('https://example.com/a')).toBe('https://example.com/a');
    const refused = ['http://example.com/', 'file:///etc/passwd', 'javascript:alert(1)', 'https://a:b@example.com/'];
    for (const other of [...refused, `${uiOrigin}/`, 'nonsense']) expect(externalAddress(other), other).toBeNull();
  });
});

describe('the tray', () => {
  it('offers everything in its menu', () => {
    const done: string[] = [];
    const actions = {
      copyEndpoint: () => done.push('copy'),
      openWindow: () => done.push('open'),
      quit: () => done.push('quit'),
    };
    const menu = trayMenu({ state: 'running', endpoint: 'http://127.0.0.1:4777' }, actions);
    expect(menu.map(({ label }) => label ?? '-')).toEqual([
      'Running',
      'http://127.0.0.1:4777',
      '-',
      'Copy endpoint',
      'Open CProxy',
      '-',
      'Quit',
    ]);
    for (const { click } of menu) (click as (() => void) | undefined)?.();
    expect(done).toEqual(['copy', 'open', 'quit']);
    expect(trayMenu({ state: 'draining', endpoint: '' }, actions).at(-1)?.label).toBe('Quit now');
  });

  it('has an icon that can be seen on each platform', () => {
    expect(trayIconName('darwin', true)).toBe('trayTemplate.png');
    expect(trayIconName('win32', true)).toBe('tray-light-16.png');
    expect(trayIconName('win32', false)).toBe('tray-dark-16.png');
    expect(trayIconName('linux', true)).toBe('tray-32.png');
  });
});
