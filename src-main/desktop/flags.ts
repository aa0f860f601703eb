import { parseArgs } from 'node:util';

/** The flags of `cproxy serve` that the desktop application takes too. */
export interface DesktopFlags {
  file: string | undefined;
  environment: string | undefined;
  port: number | undefined;
  host: string | undefined;
}

/**
 * Reads them from Electron's arguments, among which are Chromium's own switches and the application's folder. A port that
 * is no number becomes NaN, which the configuration refuses by name.
 */
export function parseFlags(args: readonly string[]): DesktopFlags {
  const { values } = parseArgs({
    args: [...args],
    strict: false,
    options: {
      config: { type: 'string' },
      env: { type: 'string' },
      port: { type: 'string', short: 'p' },
      host: { type: 'string' },
    },
  });
  const text = (value: string | boolean | undefined) => (typeof value === 'string' ? value : undefined);
  const port = text(values.port);
  return {
    file: text(values.config),
    environment: text(values.env),
    port: port === undefined ? undefined : Number(port),
    host: text(values.host),
  };
}
