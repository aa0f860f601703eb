import winston from 'winston';
import type { Config } from '../../src-shared/config.ts';

/** What rooms may ask of a logger. Fields must hold no secrets and no request bodies. */
export interface Logger {
  error(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  debug(message: string, fields?: Record<string, unknown>): void;
  /** Writes, from now on, what is at least so important. Absent where that is for others to say. */
  setLevel?(level: Config['logging']['level']): void;
}

/** What a provider says may hold line breaks; it must not look like lines of ours. */
const oneLine = (value: unknown): string =>
  (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).replace(/[\r\n]+/g, ' ⏎ ');

/**
 * Lines on standard error: standard output belongs to what commands print (and to MCP).
 * @param file where they go instead: of the last, a few megabytes are kept.
 */
export function createLogger(level: Config['logging']['level'], file: string | null = null): Logger {
  const { combine, timestamp, printf, errors } = winston.format;
  const logger = winston.createLogger({
    level,
    format: combine(
      errors({ stack: true }),
      timestamp({ format: 'HH:mm:ss' }),
      printf(({ timestamp, level, message, stack, ...fields }) => {
        const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${oneLine(value)}`);
        const trace = stack === undefined ? '' : `\n${String(stack)}`;
        return `${timestamp} ${level.padEnd(5)} ${oneLine(message)}${rest.join('')}${trace}`;
      }),
    ),
    transports: [
      file === null
        ? new winston.transports.Console({ stderrLevels: ['error', 'warn', 'info', 'debug'] })
        : new winston.transports.File({
            filename: file,
            maxsize: 2_000_000,
            maxFiles: 3,
            options: { flags: 'a', mode: 0o600 },
          }),
    ],
  });
  return Object.assign(logger, {
    setLevel(level: Config['logging']['level']) {
      logger.level = level;
    },
  });
}

export const silentLogger: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
};
