import path from 'node:path';
import { app } from 'electron';
import { resolveFolders } from './config/folders.ts';

// The lock lies in the data folder, so that comes first; everything heavy is loaded by the one instance that goes on.
const folders = resolveFolders(process.env);
app.setPath('userData', path.join(folders.data, 'desktop'));
// It would undo --no-sandbox, without which Chromium does not run as root. Our window is sandboxed in either case.
if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox();

if (app.requestSingleInstanceLock()) {
  const { runApplication } = await import('./desktop/application.ts');
  await runApplication(folders);
} else {
  process.stdout.write('CProxy is open already; its window has been brought to the front.\n');
  app.exit(0);
}
