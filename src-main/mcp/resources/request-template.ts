import { ToolError } from '../tools/tool.ts';
import { type McpResource, type McpResourceTemplate, variableOf } from './resource.ts';

const PREFIX = 'cproxy://requests/';
/** Of the newest, for completion. */
const NEWEST = 100;

const requestResource = (uri: string, id: string): McpResource => ({
  uri,
  name: `request-${id}`,
  title: `Request ${id}`,
  description: 'How it was routed, what was tried, and what it cost.',
  changesWith: ['requests'],
  read: async (engine) => {
    const found = await (await engine.control()).requests.explain({ id });
    if (found === null) throw new ToolError(`There is no request '${id}'.`);
    return found;
  },
});

export const requestTemplate: McpResourceTemplate = {
  uriTemplate: `${PREFIX}{id}`,
  name: 'request',
  title: 'A request',
  description: 'Why a request went where it went. id: that of a request or its beginning, latest, or failed.',
  at: (uri) => {
    const id = variableOf(uri, PREFIX);
    return id === null ? null : requestResource(uri, id);
  },
  complete: async (engine, begin) => {
    const rows = await (await engine.control()).requests.list({ limit: NEWEST });
    return ['latest', 'failed', ...rows.map(({ id }) => id)].filter((id) => id.startsWith(begin));
  },
  // There are too many, and each request would change the list.
  listed: async () => [],
};
