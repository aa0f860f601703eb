import type { McpEngine } from '../mcp-engine.ts';
import { allModels } from '../tools/list-models.ts';

/** Values of an argument that begin so. */
export type CompleteArgument = (engine: McpEngine, begin: string) => Promise<string[]>;

export interface PromptArgument {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  readonly complete?: CompleteArgument;
}

/** What a user can have said with one command. */
export interface McpPrompt {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly arguments: readonly PromptArgument[];
  /** @param given those that are required, and others. */
  text(given: Readonly<Record<string, string | undefined>>): string;
}

/** Models and aliases; a name may begin with its provider or not. */
export const completeModel: CompleteArgument = async (engine, begin) => {
  const { aliases } = await (await engine.control()).status();
  const models = await allModels(engine);
  const word = begin.toLowerCase();
  const fits = (name: string): boolean =>
    name.toLowerCase().startsWith(word) ||
    name
      .slice(name.indexOf('/') + 1)
      .toLowerCase()
      .startsWith(word);
  return [...Object.keys(aliases), ...models.map(({ id }) => id)].filter(fits);
};

/** The last of several models, with commas between them. */
export const completeModels: CompleteArgument = async (engine, begin) => {
  const at = begin.lastIndexOf(',') + 1;
  const before = at === 0 ? '' : `${begin.slice(0, at)} `;
  return (await completeModel(engine, begin.slice(at).trim())).map((model) => before + model);
};

/** What a model is to be asked by. */
export const modelArgument = (description: string, required = false): PromptArgument => ({
  name: 'model',
  description,
  required,
  complete: completeModel,
});

/** How to tell a tool which model. */
export const withModel = (model: string | undefined): string => (model === undefined ? '' : ` with model "${model}"`);
