import { ipcRenderer } from 'electron';
import { askForControlPort, handOverControlPort } from './control-channels.ts';

// Hands the page its port to the control API and nothing else: no function of Electron or Node crosses over.
ipcRenderer.on(handOverControlPort, (event) => {
  window.postMessage({ type: 'cproxy:control-port' }, window.location.origin, [...event.ports]);
});
// The page's scripts have run by then, so that its listener is there.
window.addEventListener('DOMContentLoaded', () => ipcRenderer.send(askForControlPort));
