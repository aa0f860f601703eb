import winston from 'winston';
import type { Config } from '../../src-shared/config.ts';

/** What rooms may ask of a logger. Fields must hold no secrets and no request bodies. */
export interface Logger {
  error(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  debug(message: string, fields?: Record<string, unknown>): void;
}

/** Lines on standard error: standard output belongs to what commands print (and to MCP). */
export function createLogger(level: Config['logging']['level']): Logger {
  const { combine, timestamp, printf, errors } = winston.format;
  return winston.createLogger({
    level,
    format: combine(
      errors({ stack: true }),
      timestamp({ format: 'HH:mm:ss' }),
      printf(({ timestamp, level, message, ...fields }) => {
        const rest = Object.entries(fields).map(
          ([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
        );
        return `${timestamp} ${level.padEnd(5)} ${message}${rest.join('')}`;
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
