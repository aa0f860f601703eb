import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Agent, fetch as undiciFetch } from 'undici';
import { z } from 'zod';
import { rpcCodes } from '../rpc-codes.ts';
import { type Backend, NotTakenError } from './backend.ts';

/** An engine that runs, as its lock says. */
export interface EngineAddress {
  pid: number;
  /** Unix time in ms. */
  startedAt: number;
  endpoint: string;
  secret: string;
}

/** How a stream that was cut is taken up again, in ms; what the engine itself asks for goes first. */
const RECONNECTION = {
  initialReconnectionDelay: 200,
  maxReconnectionDelay: 2_000,
  reconnectionDelayGrowFactor: 1.5,
  maxRetries: 20,
};

/** An engine's `/mcp`, entered with the secret of its lock. */
export function httpBackend({ pid, startedAt, endpoint, secret }: EngineAddress): Backend {
  return {
    id: `${pid} ${startedAt} ${endpoint}`,
    name: `CProxy at ${endpoint}`,
    async open() {
      // A dispatcher of our own: the secret must not travel through a proxy that the environment names, and a model may think for
      // as long as it likes.
      const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
      const transport = new StreamableHTTPClientTransport(new URL('/mcp', endpoint), {
        requestInit: { headers: { authorization: `Bearer ${secret}` } },
        reconnectionOptions: RECONNECTION,
        fetch: (url, init) => fetchFrom(dispatcher, url, init),
      });
      return {
        transport: transport as Awaited<ReturnType<Backend['open']>>['transport'],
        async end() {
          try {
            await transport.terminateSession();
          } finally {
            await transport.close();
            await dispatcher.destroy();
          }
        },
      };
    },
  };
}

/** @throws NotTakenError */
async function fetchFrom(dispatcher: Agent, url: string | URL, init: RequestInit = {}): Promise<Response> {
  const { method = 'GET', headers, body, signal, redirect } = init;
  let answer: Awaited<ReturnType<typeof undiciFetch>>;
  try {
    answer = await undiciFetch(url, {
      method,
      headers: [...new Headers(headers)],
      dispatcher,
      ...(typeof body === 'string' ? { body } : {}),
      ...(signal === undefined ? {} : { signal }),
      ...(redirect === undefined ? {} : { redirect }),
    });
  } catch (error) {
    if (hasNotConnected(error)) throw new NotTakenError('CProxy is gone.', rpcCodes.providerUnavailable, 'backend');
    throw error;
  }
  if (answer.status >= 400 && method !== 'DELETE') throw refusal(answer.status, await answer.text());
  const { status } = answer;
  return new Response(answer.body as ReadableStream<Uint8Array> | null, { status, headers: [...answer.headers] });
}

const refusalSchema = z.object({
  error: z.object({ code: z.number(), message: z.string(), data: z.object({ code: z.string() }) }),
});

/** Whatever `/mcp` refuses has reached no session (encodeRpcError). */
function refusal(status: number, text: string): NotTakenError {
  const read = refusalSchema.safeParse(jsonOf(text));
  if (!read.success)
    return new NotTakenError(`CProxy answered with HTTP ${status}.`, rpcCodes.providerUnavailable, null);
  const { message, data, code } = read.data.error;
  if (data.code === 'mcp_session_unknown') return new NotTakenError(message, code, 'session');
  // It is about to end; or another has taken its place, which knows nothing of this secret.
  const isLeaving = data.code === 'draining' || status === 401;
  return new NotTakenError(message, code, isLeaving ? 'backend' : null);
}

const hasNotConnected = (error: unknown): boolean =>
  error instanceof TypeError &&
  error.cause instanceof Error &&
  'code' in error.cause &&
  ['ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT', 'EADDRNOTAVAIL'].includes(String(error.cause.code));

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
