import path from 'node:path';
import { Menu, nativeImage, nativeTheme, Tray } from 'electron';
import type { EngineStatus } from '../../src-shared/control.ts';
import { resourcesFolder } from './locations.ts';
import { type TrayActions, trayIconName, trayMenu } from './tray-menu.ts';

/** The icon in the system's tray. Returns the function that shows a new state in it. */
export function createTray(
  actions: TrayActions,
  first: Pick<EngineStatus, 'state' | 'endpoint'>,
): (status: Pick<EngineStatus, 'state' | 'endpoint'>) => void {
  const image = () =>
    nativeImage.createFromPath(
      path.join(resourcesFolder, 'tray', trayIconName(process.platform, nativeTheme.shouldUseDarkColors)),
    );
  const tray = new Tray(image());
  nativeTheme.on('updated', () => tray.setImage(image()));
  if (process.platform !== 'linux') tray.on('click', actions.openWindow);
  const show = (status: Pick<EngineStatus, 'state' | 'endpoint'>) => {
    tray.setToolTip(`CProxy – ${status.endpoint}`);
    // On Linux a menu that has been shown does not change; a new one must be set.
    tray.setContextMenu(Menu.buildFromTemplate(trayMenu(status, actions)));
  };
  show(first);
  return show;
}
