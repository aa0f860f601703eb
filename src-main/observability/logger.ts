import { Writable } from 'node:stream';
import winston from 'winston';
import type { Config } from '../../src-shared/config.ts';
import { RotatingFile } from './rotating-file.ts';

type Level = Config['logging']['level'];

/** How and where lines are written. */
export interface LogSettings extends Pick<Config['logging'], 'level' | 'format' | 'maxBytes' | 'maxFiles'> {
  /** Where they go besides; null: nowhere. */
  file: string | null;
  /** Removes secrets from a text. */
  redact: (text: string) => string;
}

/** What rooms may ask of a logger. Fields must hold no secrets and no request bodies. */
export interface Logger {
  error(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  debug(message: string, fields?: Record<string, unknown>): void;
  /** Writes, from now on, as it is said. Absent where that is for others to say. */
  follow?(settings: LogSettings): void;
}

/** Fields that are never written, whatever is in them. */
const SECRET_FIELDS = /^(?:(?:proxy-)?authorization|(?:set-)?cookie|.*api[-_]?key|.*password|.*secret|.*token)$/i;

/** What a provider says may hold line breaks; it must not look like lines of ours. */
const oneLine = (value: unknown): string =>
  (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).replace(/[\r\n]+/g, ' ⏎ ');

const { combine, timestamp, printf, errors } = winston.format;

const pretty = combine(
  timestamp({ format: 'HH:mm:ss' }),
  printf(({ timestamp, level, message, stack, ...fields }) => {
    const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${oneLine(value)}`);
    const trace = stack === undefined ? '' : `\n${String(stack)}`;
    return `${timestamp} ${level.padEnd(5)} ${oneLine(message)}${rest.join('')}${trace}`;
  }),
);
const json = printf(({ level, message, ...fields }) =>
  JSON.stringify({ time: new Date().toISOString(), level, message, ...fields }),
);

/** Cuts secrets out of what is written, by the names of fields and by what is in them, however deep. */
function withoutSecrets(redact: (text: string) => string): winston.Logform.Format {
  const clean = (value: unknown): unknown => {
    if (typeof value === 'string') return redact(value);
    if (Array.isArray(value)) return value.map(clean);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, cleanField(name, one)]));
  };
  const cleanField = (name: string, value: unknown): unknown =>
    SECRET_FIELDS.test(name) && typeof value === 'string' ? '[redacted]' : clean(value);
  return winston.format((info) => {
    // Winston's own fields are symbols, and stay.
    for (const name of Object.keys(info)) info[name] = cleanField(name, info[name]);
    return info;
  })();
}

/**
 * Lines on standard error: standard output belongs to what commands print (and to MCP).
 * @param file where they go instead: of the last, a few megabytes are kept.
 */
export function createLogger(level: Level, file: string | null = null): Logger {
  const logger = winston.createLogger({
    level,
    format: formatOf('pretty', (text) => text),
    transports: [
      file === null
        ? new winston.transports.Console({ stderrLevels: ['error', 'warn', 'info', 'debug'] })
        : fileTransport(file, 2_000_000, 3),
    ],
  });
  let second: { transport: winston.transport; settings: LogSettings } | null = null;
  return Object.assign(logger, {
    follow(settings: LogSettings) {
      const { file, maxBytes, maxFiles } = settings;
      logger.level = settings.level;
      logger.format = formatOf(settings.format, settings.redact);
      const before = second?.settings;
      if (before?.file === file && before.maxBytes === maxBytes && before.maxFiles === maxFiles) return;
      if (second !== null) logger.remove(second.transport);
      second = null;
      if (file === null) return;
      second = { transport: fileTransport(file, maxBytes, maxFiles), settings };
      logger.add(second.transport);
    },
  });
}

const formatOf = (format: LogSettings['format'], redact: (text: string) => string): winston.Logform.Format =>
  combine(errors({ stack: true }), withoutSecrets(redact), format === 'json' ? json : pretty);

function fileTransport(file: string, maxBytes: number, maxFiles: number): winston.transport {
  const rotating = new RotatingFile({
    ...{ file, maxBytes, maxFiles },
    // Not through the logger, which it is a part of.
    onFailure: (error) =>
      process.stderr.write(`The log file ${file} cannot be written (${String(error)}). CProxy goes on without it.\n`),
  });
  return new winston.transports.Stream({
    eol: '',
    stream: new Writable({
      decodeStrings: false,
      write: (line, _encoding, done) => {
        rotating.write(String(line));
        done();
      },
    }),
  });
}

export const silentLogger: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
};
