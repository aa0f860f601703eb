import type { MenuItemConstructorOptions } from 'electron';
import type { EngineStatus } from '../../src-shared/control.ts';

export interface TrayActions {
  copyEndpoint: () => void;
  openWindow: () => void;
  quit: () => void;
}

const stateNames: Record<EngineStatus['state'], string> = {
  starting: 'Starting …',
  running: 'Running',
  draining: 'Finishing answers …',
  stopped: 'Stopped',
};

/** What the tray icon offers. All of it is in the menu: on Linux a click on the icon itself may not arrive. */
export function trayMenu(
  status: Pick<EngineStatus, 'state' | 'endpoint'>,
  actions: TrayActions,
): MenuItemConstructorOptions[] {
  return [
    { label: stateNames[status.state], enabled: false },
    { label: status.endpoint, enabled: false },
    { type: 'separator' },
    { label: 'Copy endpoint', click: actions.copyEndpoint },
    { label: 'Open CProxy', click: actions.openWindow },
    { type: 'separator' },
    { label: status.state === 'draining' ? 'Quit now' : 'Quit', click: actions.quit },
  ];
}

/**
 * The icon's file for a platform. macOS colours a template image itself, Windows says whether its panel is dark; Linux does
 * not, so it gets the one in colour, which can be seen on any.
 */
export function trayIconName(platform: NodeJS.Platform, darkPanel: boolean): string {
  if (platform === 'darwin') return 'trayTemplate.png';
  if (platform === 'win32') return darkPanel ? 'tray-light-16.png' : 'tray-dark-16.png';
  return 'tray-32.png';
}
