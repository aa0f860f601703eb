import { describe, expect, it } from 'vitest';
import { chooseStart, type StartWorld, whyNoScreen } from '../../../scripts/lib/choose-start.ts';

const withScreen: StartWorld = {
  platform: 'linux',
  env: { DISPLAY: ':0' },
  flags: [],
  findElectron: () => ({ executable: '/opt/electron' }),
  downloadElectron: () => {
    throw new Error('nothing may be downloaded here');
  },
};
const missing = { missing: 'the program of Electron 45.4.1 has not been downloaded yet', fetchable: true };

describe('npm start', () => {
  it('opens the window where there is a screen and Electron, and passes flags on', async () => {
    const start = await chooseStart({ ...withScreen, flags: ['--port', '5000'] });
    expect(start).toEqual({ mode: 'desktop', executable: '/opt/electron', flags: ['--port', '5000'] });
  });

  it('needs no Electron where there is no screen, and says why there is no window', async () => {
    const start = await chooseStart({ ...withScreen, env: {}, findElectron: () => missing, flags: ['--port', '5000'] });
    expect(start).toEqual({
      mode: 'headless',
      note: 'Started without a window: there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set).',
      flags: ['--port', '5000'],
    });
  });

  it('brings Electron first where it is missing', async () => {
    let downloaded = false;
    const start = await chooseStart({
      ...withScreen,
      findElectron: () => (downloaded ? { executable: '/opt/electron' } : missing),
      downloadElectron: async () => {
        downloaded = true;
        return { done: true };
      },
    });
    expect(start).toMatchObject({ mode: 'desktop', executable: '/opt/electron' });
  });

  it('goes on without a window, with the reason, where Electron is missing and cannot be had', async () => {
    const start = await chooseStart({
      ...withScreen,
      findElectron: () => missing,
      downloadElectron: async () => ({ done: false, reason: 'the download stood still for 60 s' }),
    });
    expect(start).toMatchObject({
      mode: 'headless',
      note: 'Started without a window: Electron could not be had: the download stood still for 60 s.',
    });
  });

  it('does not believe a download that left nothing behind', async () => {
    const start = await chooseStart({
      ...withScreen,
      findElectron: () => missing,
      downloadElectron: async () => ({ done: true }),
    });
    expect(start).toMatchObject({ mode: 'headless', note: expect.stringContaining('not been downloaded') });
  });

  it('downloads nothing where the folder of Electron was named by hand', async () => {
    const named = { missing: 'ELECTRON_OVERRIDE_DIST_PATH names /nowhere', fetchable: false };
    const start = await chooseStart({ ...withScreen, findElectron: () => named });
    expect(start).toMatchObject({ mode: 'headless', note: expect.stringContaining('/nowhere') });
  });

  it('opens no window for --headless, nor for help', async () => {
    expect(await chooseStart({ ...withScreen, flags: ['--headless', '--port', '1'] })).toMatchObject({
      mode: 'headless',
      flags: ['--port', '1'],
      note: expect.stringContaining('--headless'),
    });
    expect(await chooseStart({ ...withScreen, flags: ['--help'] })).toEqual({
      mode: 'headless',
      flags: ['--help'],
      note: null,
    });
  });
});

describe('whether there is a screen', () => {
  it.each([
    ['linux', { DISPLAY: ':0' }, true],
    ['linux', { WAYLAND_DISPLAY: 'wayland-0' }, true],
    ['linux', { DISPLAY: '' }, false],
    ['linux', {}, false],
    ['darwin', {}, true],
    ['darwin', { SSH_CONNECTION: '10.0.0.1 50000 10.0.0.2 22' }, false],
    ['win32', {}, true],
    ['win32', { SSH_TTY: '/dev/pts/0' }, false],
  ] as const)('%s %o: %s', (platform, env, screen) => {
    expect(whyNoScreen(platform, env) === null).toBe(screen);
  });
});
