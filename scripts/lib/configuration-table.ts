import { z } from 'zod';
import type { Quirks } from '../../src-main/protocols/codec.ts';
import { knownServers } from '../../src-main/providers/known-servers.ts';
import { createProvider } from '../../src-main/providers/provider-types.ts';
import { defaultQuirks } from '../../src-main/providers/quirks.ts';
import { createTransport } from '../../src-main/providers/transport.ts';
import { configSchema, providerSchema, providerTypes } from '../../src-shared/config.ts';
import { presets } from '../../src-shared/presets.ts';

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
const references = z.object({ $ref: z.string().optional(), $defs: z.record(z.string(), z.unknown()).default({}) });
type Node = z.output<typeof schemaNode>;

/** Every field of the configuration as Markdown: a table for each section, from the schema that checks the file. */
export function configurationTables(): string {
  const schema = z.toJSONSchema(configSchema, { io: 'input' });
  const root = schemaNode.parse(withDefinitions(schema, references.parse(schema).$defs));
  return sections('', root)
    .map(({ path, node }) => [...(path === '' ? [] : [`### \`${path}\``, '']), ...table(node)].join('\n'))
    .join('\n\n');
}

/** With each definition where it is referred to; where it refers to itself, only that it is a section. */
function withDefinitions(value: unknown, definitions: Readonly<Record<string, unknown>>, within = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => withDefinitions(item, definitions, within));
  if (typeof value !== 'object' || value === null) return value;
  const inner = Object.entries(value).map(([name, field]) => [name, withDefinitions(field, definitions, within)]);
  const { $ref } = references.parse(value);
  if ($ref === undefined) return Object.fromEntries(inner);
  const definition =
    $ref === within
      ? { type: 'object', properties: {} }
      : withDefinitions(definitions[$ref.replace('#/$defs/', '')], definitions, $ref);
  return Object.fromEntries([...Object.entries(definition ?? {}), ...inner]);
}

/** A section and those below it, as in the file. */
function sections(path: string, node: Node): { path: string; node: Node }[] {
  const below = Object.entries(node.properties ?? {}).flatMap(([name, value]) => {
    const field = schemaNode.parse(value);
    const inner = path === '' ? name : `${path}.${name}`;
    if (hasFields(field)) return sections(inner, field);
    const section = sectionIn(itemOf(field));
    return section === null ? [] : sections(`${inner}[]`, section);
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

/** The section that an entry of a list is, or may be. */
function sectionIn(item: Node | null): Node | null {
  const forms = item?.anyOf?.map((one) => schemaNode.parse(one)) ?? [item];
  return forms.find((form) => form !== null && form !== undefined && hasFields(form)) ?? null;
}

const hasFields = ({ properties = {} }: Node): boolean => Object.keys(properties).length > 0;

const itemOf = (node: Node): Node | null => (node.items === undefined ? null : schemaNode.parse(node.items));

function kindOf(node: Node): string {
  if (node.enum !== undefined) return node.enum.map((name) => `\`${name}\``).join(', ');
  if (node.anyOf !== undefined) return kindOfAny(node.anyOf.map((one) => schemaNode.parse(one)));
  const item = itemOf(node);
  if (item !== null) return item.properties === undefined ? `list of ${kindOf(item)}` : 'list of sections';
  switch (node.type) {
    case 'object':
      return node.properties === undefined ? namesOf(node) : 'section';
    case 'boolean':
      return '`true`, `false`';
    case 'number':
      return 'number';
    case 'null':
      return '`null`';
    default:
      return 'text';
  }
}

/** A value or several such: `text or list of these`. */
function kindOfAny(forms: readonly Node[]): string {
  const lists = forms.filter(({ items }) => items !== undefined);
  const single = [...new Set(forms.filter((form) => !lists.includes(form)).map(kindOf))].join(' or ');
  const kinds = lists.map((list) => {
    const item = itemOf(list);
    return item !== null && kindOf(item) === single ? 'list of these' : kindOf(list);
  });
  return [single, ...kinds].join(' or ');
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

/** What each quirk is for a provider of each type that says nothing of it, as a Markdown table. */
function quirksTable(): string {
  const types = providerTypes.filter((type) => type !== 'demo');
  const resources = {
    transport: createTransport(),
    resolveKey: async () => ({ state: 'missing', reason: '' }) as const,
  };
  const quirks = types.map((type) => {
    const address = type.endsWith('-compatible') ? { baseUrl: 'https://example.com' } : {};
    return createProvider(providerSchema.parse({ id: type, type, ...address }), resources).quirks;
  });
  const names = Object.keys(defaultQuirks) as (keyof Quirks)[];
  return markdownTable(
    ['quirk', ...types.map((type) => `\`${type}\``)],
    names.map((name) => [`\`${name}\``, ...quirks.map((own) => `\`${own[name]}\``)]),
  );
}

/** The servers that are known by their address, as a Markdown table. */
function serversTable(): string {
  return markdownTable(
    ['server', 'address', 'speaks', 'quirks'],
    knownServers.map(({ name, hosts = [], ports = [], protocols = [], quirks = {} }) => [
      name,
      [
        ...hosts.map((host) => `\`${host.replace(/^\./, '*.')}\``),
        ...ports.map((port) => `port ${port} of this machine`),
      ].join(', '),
      protocols.map((protocol) => `\`${protocol}\``).join(', '),
      Object.entries(quirks)
        .map(([quirk, value]) => `\`${quirk}: ${value}\``)
        .join(', '),
    ]),
  );
}

/** The vendors that are known by name, as a Markdown table. */
function vendorsTable(): string {
  return markdownTable(
    ['`type`', 'vendor', 'address', 'usual variable', 'keys are made at'],
    Object.entries(presets).map(([id, { name, baseUrl, keyVariable, keyPage }]) => [
      `\`${id}\``,
      name,
      baseUrl === null ? 'your own, as `baseUrl`' : `\`${baseUrl}\``,
      `\`${keyVariable}\``,
      keyPage === undefined ? '' : `<${keyPage}>`,
    ]),
  );
}

function markdownTable(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Makes the text between two marks of the page. */
const parts: Readonly<Record<string, () => string>> = {
  quirks: quirksTable,
  servers: serversTable,
  vendors: vendorsTable,
  fields: configurationTables,
};

/** The page with its tables made anew. */
export function withConfigurationTables(page: string): string {
  return Object.entries(parts).reduce((text, [name, make]) => {
    const begin = `<!-- ${name}: made by \`node scripts/run.mjs scripts/make-configuration-table.mjs\` -->`;
    const end = `<!-- ${name}: end -->`;
    const from = text.indexOf(begin);
    const to = text.indexOf(end);
    if (from === -1 || to < from) throw new Error(`the page has no place for the ${name}, from ${begin} to ${end}`);
    return `${text.slice(0, from + begin.length)}\n\n${make()}\n\n${text.slice(to)}`;
  }, page);
}
