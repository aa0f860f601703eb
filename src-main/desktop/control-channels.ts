/** The one thing that crosses between preload and main by name; everything else goes through the port. */
export const askForControlPort = 'cproxy:ask-for-control-port';
export const handOverControlPort = 'cproxy:control-port';
