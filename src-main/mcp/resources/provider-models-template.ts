import { allModels } from '../tools/list-models.ts';
import { ToolError } from '../tools/tool.ts';
import { type McpResource, type McpResourceTemplate, variableOf } from './resource.ts';

const PREFIX = 'cproxy://models/';

const modelsResource = (uri: string, provider: string): McpResource => ({
  uri,
  name: `models-${provider}`,
  title: `Models of ${provider}`,
  description: `The models of the provider '${provider}', with what is known of them.`,
  changesWith: ['providers', 'models', 'config'],
  read: async (engine) => {
    const { providers } = await (await engine.control()).status();
    if (!providers.some(({ id }) => id === provider)) throw new ToolError(`There is no provider '${provider}'.`);
    return await allModels(engine, provider);
  },
});

export const providerModelsTemplate: McpResourceTemplate = {
  uriTemplate: `${PREFIX}{provider}`,
  name: 'provider-models',
  title: 'Models of a provider',
  description: 'The models of one provider, by its id.',
  at: (uri) => {
    const provider = variableOf(uri, PREFIX);
    return provider === null ? null : modelsResource(uri, provider);
  },
  complete: async (engine, begin) => {
    const { providers } = await (await engine.control()).status();
    return providers.map(({ id }) => id).filter((id) => id.startsWith(begin));
  },
  listed: async (engine) => {
    const { providers } = await (await engine.control()).status();
    return providers
      .filter(({ enabled }) => enabled)
      .map(({ id }) => modelsResource(PREFIX + encodeURIComponent(id), id));
  },
};
