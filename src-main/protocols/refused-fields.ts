import { isObject } from './is-object.ts';

type Fields = Record<string, unknown>;

/**
 * The fields without one that a model has refused, named as errors name it: `temperature`, or by its path
 * (`reasoning.effort`). The given object stays as it is.
 */
export function withoutField(fields: Fields, path: string): Fields {
  const [name = '', ...below] = path.split('.');
  if (!Object.hasOwn(fields, name)) return fields;
  const { [name]: inner, ...rest } = fields;
  if (below.length === 0) return rest;
  if (!isObject(inner)) return fields;
  const left = withoutField(inner, below.join('.'));
  if (left === inner) return fields;
  return Object.keys(left).length === 0 ? rest : { ...fields, [name]: left };
}
