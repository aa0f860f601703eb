import type { ElectronLookup } from './electron-binary.ts';
import type { DownloadResult } from './electron-download.ts';

/** What `npm start` starts. `note` says why there is no window; null where nobody needs to be told. */
export type Start =
  | { mode: 'desktop'; executable: string; flags: string[] }
  | { mode: 'headless'; note: string | null; flags: string[] };

export interface StartWorld {
  platform: NodeJS.Platform;
  env: NodeJS.ProcessEnv;
  /** Arguments after `npm start --`. */
  flags: readonly string[];
  findElectron: () => ElectronLookup;
  downloadElectron: () => Promise<DownloadResult>;
}

/** The window where there is a screen for it and Electron can be had, otherwise the engine alone, with the reason. */
export async function chooseStart(world: StartWorld): Promise<Start> {
  const flags = world.flags.filter((flag) => flag !== '--headless');
  const headless = (note: string | null): Start => ({ mode: 'headless', note, flags });

  // Both are answered with text on the terminal.
  if (flags.some((flag) => ['--help', '-h', '--version', '-V'].includes(flag))) return headless(null);
  if (flags.length < world.flags.length) return headless('Started without a window, as --headless asks.');

  const noScreen = whyNoScreen(world.platform, world.env);
  if (noScreen !== null) return headless(`Started without a window: ${noScreen}.`);

  const found = world.findElectron();
  if ('executable' in found) return { mode: 'desktop', executable: found.executable, flags };
  if (!found.fetchable) return headless(`Started without a window: ${found.missing}.`);

  const download = await world.downloadElectron();
  if (!download.done) return headless(`Started without a window: Electron could not be had: ${download.reason}.`);
  const brought = world.findElectron();
  if ('executable' in brought) return { mode: 'desktop', executable: brought.executable, flags };
  return headless(`Started without a window: ${brought.missing}.`);
}

/** null where a window can be shown. */
export function whyNoScreen(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): string | null {
  const isSet = (name: string) => env[name] !== undefined && env[name] !== '';
  if (platform === 'darwin' || platform === 'win32')
    return isSet('SSH_CONNECTION') || isSet('SSH_TTY') ? 'this is an SSH session' : null;
  return isSet('DISPLAY') || isSet('WAYLAND_DISPLAY')
    ? null
    : 'there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)';
}
