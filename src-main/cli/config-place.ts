import { configSchema } from '../../src-shared/config.ts';
import { type ConfigPath, formatPath, shapeAt } from '../config/schema-shape.ts';
import { CommandError, exitCodes } from './exit-codes.ts';

const SEGMENT = /\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/y;

/**
 * A place as messages write it: `routing.loadBalancing.strategy`, `providers[0].enabled`, `aliases["gpt-4.1"]`. In a list, an
 * item may be named by its id; and a name that is there already may have dots: `providers.openrouter.enabled`.
 * @param value what the file says.
 * @throws CommandError
 */
export function parsePlace(text: string, value: unknown): ConfigPath {
  return resolve(segmentsOf(text), value, []);
}

type Segment = { quoted: boolean; name: string | number };

function segmentsOf(text: string): Segment[] {
  const segments: Segment[] = [];
  let at = 0;
  while (at < text.length) {
    if (segments.length > 0 && text[at] === '.') at += 1;
    SEGMENT.lastIndex = at;
    const match = SEGMENT.exec(text);
    if (match === null) throw badPlace(text);
    const [whole, number, quoted, plain] = match;
    const name = number !== undefined ? Number(number) : quoted !== undefined ? unquoted(quoted, text) : (plain ?? '');
    segments.push({ quoted: plain === undefined, name });
    at += whole.length;
  }
  if (segments.length === 0) throw badPlace(text);
  return segments;
}

function unquoted(quoted: string, text: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    throw badPlace(text);
  }
}

const badPlace = (text: string): CommandError =>
  new CommandError(
    `'${text}' is no place in a configuration. Write such as server.port, providers[0].enabled or aliases["gpt-4.1"].`,
    exitCodes.usage,
  );

function resolve(segments: readonly Segment[], value: unknown, above: ConfigPath): ConfigPath {
  const [first, ...rest] = segments;
  if (first === undefined) return above;
  if (!first.quoted) {
    // The longest name that is there: ids of providers and names of aliases may have dots.
    const plain = segments.findIndex(({ quoted }) => quoted);
    for (let count = plain === -1 ? segments.length : plain; count > 0; count -= 1) {
      const name = segments
        .slice(0, count)
        .map((segment) => segment.name)
        .join('.');
      const found = Array.isArray(value) ? value.findIndex((item) => fieldOf(item, 'id') === name) : null;
      if (found === null ? hasField(value, name) : found >= 0) {
        const step = found ?? name;
        return resolve(segments.slice(count), fieldOf(value, step), [...above, step]);
      }
    }
    if (Array.isArray(value)) throw noSuchItem(String(first.name), value, above);
  }
  return resolve(rest, fieldOf(value, first.name), [...above, first.name]);
}

function noSuchItem(name: string, items: readonly unknown[], above: ConfigPath): CommandError {
  const ids = items.map((item) => fieldOf(item, 'id')).filter((id) => typeof id === 'string');
  const known =
    ids.length === 0 ? `Items of a list are ${formatPath(above)}[0] and so on.` : `It has ${ids.join(', ')}.`;
  return new CommandError(`There is no '${name}' in ${formatPath(above)}. ${known}`);
}

const hasField = (value: unknown, name: string): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, name);

function fieldOf(value: unknown, name: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string | number, unknown>)[name];
}

/** What was written on a command line for a place: text where the schema wants text, else JSON, else text. */
export function parseValue(text: string, place: ConfigPath): unknown {
  if (shapeAt(configSchema, place)?.kind === 'text') return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
