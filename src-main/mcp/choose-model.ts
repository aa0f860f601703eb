import type { EngineStatus } from '../../src-shared/control.ts';
import { isObject } from '../protocols/is-object.ts';
import type { McpEngine } from './mcp-engine.ts';
import { ToolError } from './tools/tool.ts';

/** The alias that a model is asked by where a tool is told none. */
export const DEFAULT_ALIAS = 'default';
/** Answers without a key while there is no provider. */
const DEMO = 'demo/demo';

/**
 * The name to ask for.
 * @param asked `model`: `provider-id/model-id`, a model or an alias; absent: the alias `default`, else the first model of the default
 * provider, else of the preferred one. `provider`: its id, where that one is to answer.
 * @throws ToolError where nothing can be meant
 */
export async function chooseModel(
  engine: Pick<McpEngine, 'control'>,
  { model, provider }: { model?: string | undefined; provider?: string | undefined },
): Promise<string> {
  if (model !== undefined && provider === undefined) return model;
  const control = await engine.control();
  const status = await control.status();
  if (provider !== undefined) return ofProvider(status, provider, model);
  if (status.aliases[DEFAULT_ALIAS] !== undefined) return DEFAULT_ALIAS;
  const { routing } = (await control.config.view()).config;
  const preferred = isObject(routing) ? routing.defaultProvider : undefined;
  const enabled = status.providers.filter((one) => one.enabled);
  const usable = enabled
    .filter(({ models }) => models.ids.length > 0)
    .sort((a, b) => Number(b.id === preferred) - Number(a.id === preferred) || a.priority - b.priority)[0];
  if (usable !== undefined) return `${usable.id}/${usable.models.ids[0]}`;
  if (enabled.length === 0) return DEMO;
  throw new ToolError('Say which model: none is known yet. The tool list_models shows what can be asked for.');
}

function ofProvider(
  { providers }: Pick<EngineStatus, 'providers'>,
  provider: string,
  model: string | undefined,
): string {
  if (provider === 'demo' && !providers.some(({ id }) => id === 'demo')) return DEMO;
  const known = providers.find(({ id }) => id === provider);
  if (known === undefined)
    throw new ToolError(
      `There is no provider '${provider}'. There are: ${providers.map(({ id }) => id).join(', ') || 'none'}.`,
    );
  if (model !== undefined) return model.startsWith(`${provider}/`) ? model : `${provider}/${model}`;
  const [first] = known.models.ids;
  if (first !== undefined) return `${provider}/${first}`;
  throw new ToolError(`Say which model: the models of '${provider}' are not known.`);
}
