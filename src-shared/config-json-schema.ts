import { z } from 'zod';
import { configSchema } from './config.ts';

/**
 * The schema of a configuration file, for editors, in the draft that most of them know. It is what can be said without
 * looking at several fields at once; `cproxy config check` says the rest.
 */
export function configJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' });
  return { $schema, title: 'CProxy configuration', ...schema };
}

/** As it is published and served. */
export const configJsonSchemaText = (): string => `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
