import type { ProviderType } from '../../src-shared/config.ts';
import { localAddresses } from '../../src-shared/vendors.ts';
import { isObject } from '../protocols/is-object.ts';
import { readJsonAnswer } from './read-json-answer.ts';
import type { Transport } from './transport.ts';

/** A server that may run on this machine without anyone having configured it. */
export interface LocalServer {
  /** Of the provider that it becomes, and its id. */
  type: ProviderType;
  /** Shown to people. */
  name: string;
  baseUrl: string;
}

/** Where these servers are unless their users have moved them. */
export const usualLocalServers: readonly LocalServer[] = [
  { type: 'ollama', name: 'Ollama', baseUrl: localAddresses.ollama },
  { type: 'lmstudio', name: 'LM Studio', baseUrl: localAddresses.lmstudio },
];

export interface FoundServers {
  /** That have models. */
  found: readonly LocalServer[];
  /** What was found, and what is there without models, in words. */
  sources: readonly string[];
}

/** The lists by which servers show what they are; more than one where versions differ. */
const LISTS: Partial<Record<ProviderType, readonly { path: string; field: string }[]>> = {
  ollama: [{ path: '/api/tags', field: 'models' }],
  lmstudio: [
    { path: '/api/v1/models', field: 'models' },
    { path: '/api/v0/models', field: 'data' },
  ],
};

/**
 * Looks for servers on this machine, all at once. What does not answer as one of them within the time is none: nobody has
 * said that it should be there.
 * @param timeoutMs for each.
 */
export async function findLocalServers(
  servers: readonly LocalServer[],
  { transport, timeoutMs }: { transport: Transport; timeoutMs: number },
): Promise<FoundServers> {
  const counts = await Promise.all(servers.map((server) => countModels(server, transport, timeoutMs)));
  const found = servers.filter((_, index) => (counts[index] ?? 0) > 0);
  const sources = servers.flatMap(({ type, name, baseUrl }, index) => {
    const count = counts[index];
    if (count === undefined || count === null) return [];
    return count > 0
      ? [`provider '${type}' was found because ${name} answers at ${baseUrl}`]
      : [`${name} answers at ${baseUrl}, but has no models, so it is no provider yet`];
  });
  return { found, sources };
}

/** null where it is not there, or is something else. */
async function countModels(server: LocalServer, transport: Transport, timeoutMs: number): Promise<number | null> {
  const signal = AbortSignal.timeout(timeoutMs);
  for (const { path, field } of LISTS[server.type] ?? []) {
    const json = await askQuietly(server, path, transport, signal);
    const list = isObject(json) ? json[field] : undefined;
    if (Array.isArray(list)) return list.length;
  }
  return null;
}

async function askQuietly(
  { type, baseUrl }: LocalServer,
  path: string,
  transport: Transport,
  signal: AbortSignal,
): Promise<unknown> {
  try {
    const answer = await transport.send({
      provider: type,
      url: new URL(path, baseUrl),
      method: 'GET',
      headers: ['accept', 'application/json', 'user-agent', 'cproxy'],
      body: null,
      signal,
      connectMs: 1_000,
      network: { proxy: 'none', ca: null, http2: null },
    });
    const { status, json } = await readJsonAnswer(type, answer);
    return status === 200 ? json : null;
  } catch {
    // Nothing listens there, or nothing that answers in time: the usual case, of which nobody needs to hear.
    return null;
  }
}
