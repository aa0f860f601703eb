import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockFilePath } from '../../src-main/config/lock-file.ts';
import { engineFailedExitCode } from '../../src-main/desktop/exit-codes.ts';
import { uiOrigin } from '../../src-main/desktop/ui-origin.ts';
import { type DesktopApplication, findTrayIcon, startDesktopApplication } from '../helpers/desktop-application.ts';
import { type DesktopSession, startDesktopSession } from '../helpers/desktop-session.ts';
import { electronLaunch } from '../helpers/electron-runtime/find.ts';
import { desktopPrograms, requires } from '../helpers/missing-programs.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const need = requires('electron', ...desktopPrograms);

describe.skipIf(need.missing)(`the desktop application in Electron${need.reason}`, () => {
  let session: DesktopSession;
  let running: DesktopApplication;
  let home: string;
  beforeAll(async () => {
    session = await startDesktopSession();
    home = path.join(session.home, 'cproxy');
    running = await startDesktopApplication(session, home);
  });
  afterAll(async () => {
    // Has ended by then, unless a test failed.
    running?.child.kill('SIGKILL');
    await session?.end();
  });

  const isVisible = () =>
    running.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isVisible() === true);
  const isHealthy = async () => (await fetch(`${running.endpoint}/health`)).ok;

  /** A second start with the same files; resolves when it has ended. */
  async function startAgain(cproxyHome: string): Promise<{ code: number | null; output: string }> {
    const { executablePath, args, cwd } = electronLaunch();
    const env = { ...session.env, CPROXY_HOME: cproxyHome, npm_lifecycle_event: 'start' };
    const child = spawn(executablePath, [...args, '--port', '0'], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, output };
  }

  it('shows the state of the engine over the control port', async () => {
    await running.page.getByText('Running', { exact: true }).waitFor();
    expect(new URL(running.page.url()).origin).toBe(uiOrigin);
    const health = await fetch(`${running.endpoint}/health`);
    expect(health.status).toBe(200);
  });

  it('prints the lines for Claude Code with the first token, which opens the endpoint', async () => {
    const token = await waitUntil('the token', () => running.output().match(/ANTHROPIC_AUTH_TOKEN=(\S+)/)?.[1]);
    const models = await fetch(`${running.endpoint}/v1/models`, { headers: { authorization: `Bearer ${token}` } });
    expect(models.status).toBe(200);
  });

  it('makes a token that works when asked to in the window', async () => {
    await running.page.getByLabel('Name of the client').fill('from the window');
    await running.page.getByRole('button', { name: 'Create token' }).click();
    const token = await waitUntil(
      'the new token',
      async () => (await running.page.locator('body').textContent())?.match(/cpx_[\w-]+/)?.[0],
    );
    const models = await fetch(`${running.endpoint}/v1/models`, { headers: { 'x-cproxy-token': token } });
    expect(models.status).toBe(200);
  });

  it('gives the page nothing of Node or Electron, and a strict policy', async () => {
    const globals = await running.page.evaluate(() =>
      ['require', 'process', 'module', 'Buffer', 'ipcRenderer', 'electron'].filter((name) => name in globalThis),
    );
    expect(globals).toEqual([]);
    const preferences = await running.app.evaluate(({ webContents }) => {
      const contents = webContents.getAllWebContents()[0] as unknown as {
        getLastWebPreferences(): Record<string, unknown>;
      };
      const { contextIsolation, sandbox, nodeIntegration } = contents.getLastWebPreferences();
      return { contextIsolation, sandbox, nodeIntegration };
    });
    expect(preferences).toEqual({ contextIsolation: true, sandbox: true, nodeIntegration: false });
    const policy = await running.page.evaluate(async () =>
      (await fetch('./index.html')).headers.get('content-security-policy'),
    );
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
  });

  it('keeps the page where it is and away from the network', async () => {
    await running.page.evaluate(() => window.location.assign('https://example.com/'));
    await running.page.evaluate((url) => window.location.assign(url), `${running.endpoint}/health`);
    expect(await running.page.evaluate(() => window.open('about:blank'))).toBeNull();
    const reached = await running.page.evaluate(
      (url) =>
        fetch(url, { mode: 'no-cors' }).then(
          () => true,
          () => false,
        ),
      `${running.endpoint}/health`,
    );
    expect(reached).toBe(false);
    expect(new URL(running.page.url()).origin).toBe(uiOrigin);
    expect(await running.page.evaluate(() => Notification.requestPermission())).toBe('denied');
  });

  it('has no file but those of the page', async () => {
    const statuses = await running.page.evaluate(() =>
      Promise.all(
        ['/../main/cli.js', '/%2e%2e/main/cli.js', '/..%2fmain%2fcli.js', '/package.json'].map(
          async (address) => (await fetch(address)).status,
        ),
      ),
    );
    expect(statuses).toEqual([404, 404, 404, 404]);
  });

  it('gets its control port back when the page is loaded again', async () => {
    await running.page.reload();
    await running.page.getByText('Running', { exact: true }).waitFor();
  });

  it('has an icon in the tray', async () => {
    await waitUntil('the tray icon', () => findTrayIcon(session, running.child));
    if (process.env.CPROXY_SCREENSHOTS !== undefined)
      session.screenshot(path.join(process.env.CPROXY_SCREENSHOTS, 'desktop.png'));
  });

  it('hides when its window is closed, goes on, and comes back when started again', async () => {
    await running.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close());
    await waitUntil('the window to hide', async () => !(await isVisible()));
    expect(await isHealthy()).toBe(true);

    const second = await startAgain(home);
    expect(second).toMatchObject({ code: 0, output: expect.stringContaining('CProxy is open already') });
    await waitUntil('the window to come back', isVisible);
  });

  it('quits from the menu of its tray icon, and everything with it', async () => {
    const icon = await waitUntil('the tray icon', () => findTrayIcon(session, running.child));
    const lock = lockFilePath(path.join(home, 'data'));
    expect(existsSync(lock)).toBe(true);
    session.xdotool('mousemove', String(icon.x + icon.width / 2), String(icon.y + icon.height / 2), 'click', '3');
    // Quit is the last entry.
    await waitUntil('the end', () => {
      session.xdotool('key', 'Up', 'Return');
      return running.child.exitCode !== null;
    });
    expect(await running.ended).toBe(0);
    expect(existsSync(lock)).toBe(false);
    await expect(fetch(`${running.endpoint}/health`)).rejects.toThrow();
  });

  it('says where CProxy runs already instead of starting a second engine', async () => {
    const headlessHome = path.join(session.home, 'headless');
    const cli = path.resolve(import.meta.dirname, '../../dist/main/cli.js');
    const env = { ...session.env, CPROXY_HOME: headlessHome };
    const headless = spawn(process.execPath, [cli, 'serve', '--port', '0'], {
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      let printed = '';
      headless.stdout.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
      });
      const endpoint = await waitUntil('the headless engine', () => printed.match(/http:\/\/127\.0\.0\.1:\d+/)?.[0]);
      const { code, output } = await startAgain(headlessHome);
      expect(code).toBe(engineFailedExitCode);
      expect(output).toContain(endpoint);
    } finally {
      headless.kill('SIGTERM');
      await once(headless, 'exit');
    }
  });
});
