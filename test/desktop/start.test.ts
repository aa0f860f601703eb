import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectFolder } from '../../scripts/lib/project.ts';
import { type DesktopSession, startDesktopSession } from '../helpers/desktop-session.ts';
import { findElectronRuntime } from '../helpers/electron-runtime/find.ts';
import { desktopPrograms, requires } from '../helpers/missing-programs.ts';
import { noBackground } from '../helpers/no-background.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const need = requires('electron', ...desktopPrograms);

describe.skipIf(need.missing)(`npm start on a desktop${need.reason}`, () => {
  let session: DesktopSession;
  beforeAll(async () => {
    session = await startDesktopSession();
  });
  afterAll(() => session?.end());

  let output = '';
  function npmStart(env: Record<string, string>): ChildProcess {
    output = '';
    const child = spawn('npm', ['start', '--', '--port', '0'], {
      cwd: projectFolder,
      env: {
        ...noBackground,
        ...session.env,
        ELECTRON_OVERRIDE_DIST_PATH: path.dirname(findElectronRuntime() ?? ''),
        CPROXY_HOME: path.join(session.home, 'cproxy'),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    return child;
  }
  const endpoint = () =>
    waitUntil('the endpoint', () => output.match(/listens at (http:\/\/127\.0\.0\.1:\d+)/)?.[1], 30_000);

  /** npm itself ends before what it has started. */
  async function stop(child: ChildProcess, url: string): Promise<void> {
    child.kill('SIGTERM');
    await waitUntil('the end of the engine', () =>
      fetch(`${url}/health`).then(
        () => false,
        () => true,
      ),
    );
  }

  it('opens the window, prints the endpoint, and ends with everything it started', async () => {
    const child = npmStart({});
    const url = await endpoint();
    expect((await fetch(`${url}/health`)).status).toBe(200);
    const findWindow = () => session.xdotool('search', '--onlyvisible', '--name', '^CProxy$') || null;
    await waitUntil('the window', findWindow);
    await stop(child, url);
    await waitUntil('the end of the window', () => findWindow() === null);
  });

  it('goes on without a window, and says so, where the display cannot be opened', async () => {
    const child = npmStart({ DISPLAY: ':4242' });
    const url = await endpoint();
    expect(output).toContain('Started without a window: Electron ended at once');
    expect((await fetch(`${url}/health`)).status).toBe(200);
    await stop(child, url);
  });

  it('tries no second start where the engine itself cannot start', async () => {
    const child = npmStart({ CPROXY_CONFIG: '/nowhere/config.yaml' });
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).not.toBe(0);
    expect(output).toContain('/nowhere/config.yaml');
    expect(output).not.toContain('without a window');
  });
});
