import { z } from 'zod';
import { configSchema } from '../../src-shared/config.ts';

/** The part of a JSON Schema that the configuration uses. */
const schemaNode = z.object({
  type: z.string().optional(),
  description: z.string().optional(),
  default: z.unknown().optional(),
  enum: z.array(z.string()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  propertyNames: z.unknown().optional(),
});
type Node = z.output<typeof schemaNode>;

/** Every field of the configuration as Markdown: a table for each section, from the schema that checks the file. */
export function configurationTables(): string {
  const root = schemaNode.parse(z.toJSONSchema(configSchema, { io: 'input' }));
  return sections('', root)
    .map(({ path, node }) => [...(path === '' ? [] : [`### \`${path}\``, '']), ...table(node)].join('\n'))
    .join('\n\n');
}

/** A section and those below it, as in the file. */
function sections(path: string, node: Node): { path: string; node: Node }[] {
  const below = Object.entries(node.properties ?? {}).flatMap(([name, value]) => {
    const field = schemaNode.parse(value);
    const inner = path === '' ? name : `${path}.${name}`;
    if (field.properties !== undefined) return sections(inner, field);
    const item = itemOf(field);
    return item?.properties === undefined ? [] : sections(`${inner}[]`, item);
  });
  return [{ path, node }, ...below];
}

function table(node: Node): string[] {
  const rows = Object.entries(node.properties ?? {}).map(([name, value]) => {
    const field = schemaNode.parse(value);
    const meaning = field.description ?? '';
    if (meaning === '') throw new Error(`src-shared/config.ts does not describe ${name}`);
    return `| \`${name}\` | ${kindOf(field)} | ${defaultOf(field, node.required?.includes(name) === true)} | ${inCell(meaning)} |`;
  });
  return ['| field | value | default | meaning |', '| --- | --- | --- | --- |', ...rows];
}

const itemOf = (node: Node): Node | null => (node.items === undefined ? null : schemaNode.parse(node.items));

function kindOf(node: Node): string {
  if (node.enum !== undefined) return node.enum.map((name) => `\`${name}\``).join(', ');
  if (node.anyOf !== undefined) return node.anyOf.map((one) => kindOf(schemaNode.parse(one))).join(' or ');
  const item = itemOf(node);
  if (item !== null) return item.properties === undefined ? `list of ${kindOf(item)}` : 'list of sections';
  switch (node.type) {
    case 'object':
      return node.properties === undefined ? namesOf(node) : 'section';
    case 'boolean':
      return '`true`, `false`';
    case 'number':
      return 'number';
    default:
      return 'text';
  }
}

/** Of a section whose names are the user's own, or a few that are given. */
function namesOf({ propertyNames }: Node): string {
  const names = propertyNames === undefined ? undefined : schemaNode.parse(propertyNames).enum;
  return names === undefined ? 'names and values' : `sections ${names.map((name) => `\`${name}\``).join(', ')}`;
}

function defaultOf(node: Node, required: boolean): string {
  if (required) return 'needed';
  const value = node.default;
  const isEmpty = value === undefined || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);
  return isEmpty ? '' : `\`${String(value)}\``;
}

const inCell = (text: string): string => text.replaceAll('|', '\\|');

const begin = '<!-- fields: made by `node scripts/run.mjs scripts/make-configuration-table.mjs` -->';
const end = '<!-- fields: end -->';

/** The page with its tables made anew. */
export function withConfigurationTables(page: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from === -1 || to < from) throw new Error(`the page has no place for the tables, from ${begin} to ${end}`);
  return `${page.slice(0, from + begin.length)}\n\n${configurationTables()}\n\n${page.slice(to)}`;
}
