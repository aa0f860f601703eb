import { parse } from 'yaml';
import { z } from 'zod';
import type { ConfigConflictView } from '../../../src-shared/control.ts';
import { isObject } from '../../protocols/is-object.ts';
import type { ToolContext } from './tool.ts';
import { ToolError } from './tool.ts';

/** A place in the file of the configuration; without a value, what stands there is taken away. */
export interface ConfigChange {
  path: (string | number)[];
  value?: unknown;
}

/** What became of a change. */
export const editedShape = {
  version: z.string().describe('Of the file as it is now; `cproxy config rollback` brings the one before back'),
  warnings: z.array(z.string()),
};

/**
 * Changes the configuration, as an editor of it does: it is checked as a whole, what was there is kept, and what others have changed
 * meanwhile is merged.
 * @param changesOf the changes to the file as it is written.
 * @throws ToolError where it is refused, with the reasons
 */
export async function editConfig(
  { engine }: Pick<ToolContext, 'engine'>,
  changesOf: (written: Readonly<Record<string, unknown>>) => ConfigChange[],
): Promise<{ version: string; warnings: string[] }> {
  const { config } = await engine.control();
  const { text, version: base } = await config.file();
  const saved = await config.edit({ changes: changesOf(readText(text)), base });
  switch (saved.state) {
    case 'saved':
      return { version: saved.version, warnings: [...saved.warnings, ...saved.afterRestart] };
    case 'refused':
      throw new ToolError(
        `The configuration would not be valid, so nothing was written:\n${saved.problems.join('\n')}`,
      );
    case 'conflict':
      throw new ToolError(
        `Somebody else has just changed the same place, so nothing was written: ${saved.conflicts.map(inWords).join('; ')}. Look at it (resource cproxy://config) and try again.`,
      );
  }
}

/** A list in the file; null where there is none. */
export function listAt(written: Readonly<Record<string, unknown>>, ...path: string[]): readonly unknown[] | null {
  let value: unknown = written;
  for (const name of path) value = isObject(value) ? value[name] : undefined;
  return Array.isArray(value) ? value : null;
}

/** Where the item of an id stands in a list; -1: nowhere. */
export const placeOf = (list: readonly unknown[] | null, id: string): number =>
  (list ?? []).findIndex((item) => isObject(item) && item.id === id);

/** JSON is YAML. What cannot be read is refused when it is edited, with its line. */
function readText(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

const inWords = ({ path, theirs }: ConfigConflictView): string => `${path} is ${theirs ?? 'gone'} now`;
