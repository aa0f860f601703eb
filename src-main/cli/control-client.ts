import { setTimeout as wait } from 'node:timers/promises';
import { createORPCClient, ORPCError } from '@orpc/client';
import { RPCLink } from '@orpc/client/fetch';
import type { ContractRouterClient } from '@orpc/contract';
import { Agent, fetch as undiciFetch } from 'undici';
import type { ControlContract } from '../../src-shared/control.ts';
import { findRunning, type LockContents } from '../config/lock-file.ts';
import { CommandError } from './exit-codes.ts';

export type ControlClient = ContractRouterClient<ControlContract>;

/** How long an engine that starts, or a command that changes the data folder, is waited for, in ms. */
const startLimitMs = 5_000;
/** How long an engine may take to answer a call, in ms: one that hangs must not hang its caller. */
const answerLimitMs = 10_000;

/**
 * Runs an action against the engine that runs on a data folder; null where none does.
 * @throws CommandError where the engine does not answer or refuses
 */
export async function withEngine<T>(
  dataFolder: string,
  action: (client: ControlClient, endpoint: string) => Promise<T>,
  limitMs = answerLimitMs,
): Promise<{ result: T } | null> {
  const lock = await findReachable(dataFolder);
  if (lock === null) return null;
  // A dispatcher of our own: the secret must not travel through a proxy that the environment names.
  const dispatcher = new Agent({ headersTimeout: limitMs, bodyTimeout: limitMs });
  try {
    return { result: await action(createControlClient(lock, dispatcher), lock.endpoint) };
  } catch (error) {
    throw explained(error, lock);
  } finally {
    await dispatcher.close();
  }
}

type ReachableLock = LockContents & { endpoint: string };

async function findReachable(dataFolder: string): Promise<ReachableLock | null> {
  const limit = Date.now() + startLimitMs;
  for (;;) {
    const lock = await findRunning(dataFolder);
    if (lock === null) return null;
    if (lock.endpoint !== null) return { ...lock, endpoint: lock.endpoint };
    if (Date.now() > limit)
      throw new CommandError(`CProxy (process ${lock.pid}) is starting or stopping. Try again in a moment.`);
    await wait(50);
  }
}

function createControlClient({ endpoint, secret }: ReachableLock, dispatcher: Agent): ControlClient {
  const link = new RPCLink({
    url: `${endpoint}/api`,
    headers: { authorization: `Bearer ${secret}` },
    // The link speaks in the runtime's own Request, which a fetch with a dispatcher of its own does not take.
    fetch: async ({ url, method, headers, body, signal }, init) => {
      const content = body === null ? null : await new Response(body).text();
      const answer = await undiciFetch(url, {
        ...init,
        method,
        headers: [...headers],
        body: content,
        signal,
        dispatcher,
      });
      return new Response(await answer.text(), { status: answer.status, headers: [...answer.headers] });
    },
  });
  return createORPCClient(link);
}

function explained(error: unknown, { pid, endpoint }: ReachableLock): unknown {
  if (error instanceof ORPCError) return new CommandError(error.message);
  if (error instanceof TypeError && error.message === 'fetch failed') {
    const reason = error.cause instanceof Error ? error.cause.message : 'no connection';
    return new CommandError(`CProxy (process ${pid}) does not answer at ${endpoint}: ${reason}`);
  }
  return error;
}
