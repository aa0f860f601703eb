import type { ChildProcess } from 'node:child_process';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import type { DesktopSession } from './desktop-session.ts';
import { electronLaunch } from './electron-runtime/find.ts';
import { noBackground } from './no-background.ts';
import { waitUntil } from './wait-until.ts';

export interface DesktopApplication {
  readonly app: ElectronApplication;
  readonly page: Page;
  readonly child: ChildProcess;
  /** `http://127.0.0.1:PORT`, as the page shows it. */
  readonly endpoint: string;
  /** What it has printed so far. */
  output(): string;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
}

/** Starts the built desktop application in a desktop session, on a free port, with its files under `home`. */
export async function startDesktopApplication(
  session: DesktopSession,
  home: string,
  flags: readonly string[] = ['--port', '0'],
): Promise<DesktopApplication> {
  const { executablePath, args, cwd } = electronLaunch();
  const env = { ...session.env, ...noBackground, CPROXY_HOME: home, npm_lifecycle_event: 'start' };
  const app = await _electron.launch({ executablePath, cwd, args: [...args, ...flags], env, timeout: 30_000 });
  const child = app.process();
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const page = await app.firstWindow();
  const endpoint = await waitUntil('the endpoint in the window', async () => {
    const text = await page.locator('body').textContent();
    return text?.match(/http:\/\/127\.0\.0\.1:\d+/)?.[0];
  });
  return { app, page, child, endpoint, output: () => output, ended };
}

export interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Where a process's icon is in the panel's tray; null while it has none. Icons are windows of their own inside the panel. */
export function findTrayIcon(session: DesktopSession, { pid }: ChildProcess): Rectangle | null {
  const panel = rectangleOf(
    session,
    session.xdotool('search', '--onlyvisible', '--class', 'tint2').split('\n')[0] ?? '',
  );
  const windows = session.xdotool('search', '--all', '--onlyvisible', '--pid', String(pid), '--name', '.*').split('\n');
  const icons = windows
    .filter((id) => id !== '')
    .map((id) => rectangleOf(session, id))
    .filter(({ y, width }) => y >= panel.y && width <= panel.height);
  return icons[0] ?? null;
}

function rectangleOf(session: DesktopSession, windowId: string): Rectangle {
  const answer = session.xdotool('getwindowgeometry', '--shell', windowId);
  const value = (name: string) => Number(answer.match(new RegExp(`^${name}=(-?\\d+)$`, 'm'))?.[1]);
  return { x: value('X'), y: value('Y'), width: value('WIDTH'), height: value('HEIGHT') };
}
