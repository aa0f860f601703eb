import { z } from 'zod';

/** A place in the configuration, as in `['providers', 0, 'baseUrl']`. */
export type ConfigPath = readonly (string | number)[];

/** What a schema lets a user write at one place. */
export type Shape =
  | { kind: 'section'; fields: ReadonlyMap<string, z.core.$ZodType> }
  | { kind: 'named'; value: z.core.$ZodType }
  | { kind: 'list'; item: z.core.$ZodType }
  | { kind: 'choice'; shapes: readonly Shape[] }
  | { kind: 'number' }
  | { kind: 'boolean' }
  | { kind: 'text' }
  | { kind: 'anything' };

/** Looks through defaults, optionals and transforms at what is written. */
export function shapeOf(schema: z.core.$ZodType): Shape {
  if (
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable
  )
    return shapeOf(schema.def.innerType);
  if (schema instanceof z.ZodPipe) return shapeOf(schema.def.in);
  if (schema instanceof z.ZodObject) return { kind: 'section', fields: new Map(Object.entries(schema.def.shape)) };
  if (schema instanceof z.ZodRecord) {
    const { keyType, valueType } = schema.def;
    if (keyType instanceof z.ZodEnum)
      return { kind: 'section', fields: new Map(keyType.options.map((name) => [String(name), valueType])) };
    return { kind: 'named', value: valueType };
  }
  if (schema instanceof z.ZodArray) return { kind: 'list', item: schema.def.element };
  if (schema instanceof z.ZodUnion) return { kind: 'choice', shapes: schema.def.options.map(shapeOf) };
  if (schema instanceof z.ZodNumber) return { kind: 'number' };
  if (schema instanceof z.ZodBoolean) return { kind: 'boolean' };
  if (schema instanceof z.ZodString || schema instanceof z.ZodURL || schema instanceof z.ZodEnum)
    return { kind: 'text' };
  return { kind: 'anything' };
}

/** The shape at a path; null where the schema has no such place. */
export function shapeAt(schema: z.core.$ZodType, path: ConfigPath): Shape | null {
  let shape = shapeOf(schema);
  for (const segment of path) {
    shape = chosenFor(segment, shape);
    if (shape.kind === 'section') {
      const field = shape.fields.get(String(segment));
      if (field === undefined) return null;
      shape = shapeOf(field);
    } else if (shape.kind === 'named') shape = shapeOf(shape.value);
    else if (shape.kind === 'list') shape = shapeOf(shape.item);
    else return null;
  }
  return shape;
}

/** Of a choice, what may have such a part: lists have numbers, sections have names. Anything else is what it is. */
export function chosenFor(segment: string | number, shape: Shape): Shape {
  if (shape.kind !== 'choice') return shape;
  const kinds: readonly Shape['kind'][] = typeof segment === 'number' ? ['list'] : ['section', 'named'];
  // A choice may be among the choices.
  const inner = shape.shapes.map((one) => chosenFor(segment, one));
  return inner.find(({ kind }) => kinds.includes(kind)) ?? shape;
}

/** Every field that has a fixed path (not below a list or a name of the user's own): `routing.loadBalancing.strategy`. */
export function fixedPaths(schema: z.core.$ZodType, above: readonly string[] = []): string[][] {
  const shape = shapeOf(schema);
  if (shape.kind !== 'section') return [];
  return [...shape.fields].flatMap(([name, field]) => {
    const here = [...above, name];
    return [here, ...fixedPaths(field, here)];
  });
}

/** `providers[0].baseUrl` */
export function formatPath(path: ConfigPath): string {
  return path
    .map((segment, index) => {
      if (typeof segment === 'number') return `[${segment}]`;
      if (!/^[A-Za-z0-9_$-]+$/.test(segment)) return `[${JSON.stringify(segment)}]`;
      return index === 0 ? segment : `.${segment}`;
    })
    .join('');
}
