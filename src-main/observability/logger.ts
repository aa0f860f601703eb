import winston from 'winston';
import type { Config } from '../../src-shared/config.ts';

/** What rooms may ask of a logger. Fields must hold no secrets and no request bodies. */
export interface Logger {
  error(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  debug(message: string, fields?: Record<string, unknown>): void;
}

/** What a provider says may hold line breaks; it must not look like lines of ours. */
const oneLine = (value: unknown): string =>
  (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).replace(/[\r\n]+/g, ' ⏎ ');

/** Lines on standard error: standard output belongs to what commands print (and to MCP). */
export function createLogger(level: Config['logging']['level']): Logger {
  const { combine, timestamp, printf, errors } = winston.format;
  return winston.createLogger({
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
    transports: [new winston.transports.Console({ stderrLevels: ['error', 'warn', 'info', 'debug'] })],
  });
}

export const silentLogger: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
};
