import type { McpEngine } from '../mcp-engine.ts';
import { fixedResources } from './fixed-resources.ts';
import { providerModelsTemplate } from './provider-models-template.ts';
import { requestTemplate } from './request-template.ts';
import type { McpResource, McpResourceTemplate } from './resource.ts';

export const resourceTemplates: readonly McpResourceTemplate[] = [providerModelsTemplate, requestTemplate];

/** All that are listed: the fixed ones, and one for the models of each enabled provider. */
export async function listResources(engine: McpEngine): Promise<McpResource[]> {
  const listed = await Promise.all(resourceTemplates.map((template) => template.listed(engine)));
  return [...fixedResources, ...listed.flat()];
}

/** The one of an address, whether there is anything to be read or not; null where no address of ours is like that. */
export function resourceAt(uri: string): McpResource | null {
  const fixed = fixedResources.find((resource) => resource.uri === uri);
  if (fixed !== undefined) return fixed;
  for (const template of resourceTemplates) {
    const found = template.at(uri);
    if (found !== null) return found;
  }
  return null;
}
