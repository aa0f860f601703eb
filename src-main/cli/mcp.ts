import { setTimeout as wait } from 'node:timers/promises';
import { resolveFolders } from '../config/folders.ts';
import { rpcCodes } from '../mcp/rpc-codes.ts';
import { NotTakenError } from '../mcp/stdio/backend.ts';
import { readFrames } from '../mcp/stdio/frames.ts';
import { type LocalEngine, localBackend } from '../mcp/stdio/local-backend.ts';
import { Relay } from '../mcp/stdio/relay.ts';
import { createRedactor } from '../secrets/redact.ts';
import { endSoon } from './end-soon.ts';
import { exitCodes } from './exit-codes.ts';
import { lockedBackends, watchLock } from './mcp-backends.ts';
import { note } from './output.ts';
import { takeStandardOutput } from './own-output.ts';

export interface McpOptions {
  /** For while no engine runs; one that runs has its own. */
  config?: string;
  env?: string;
}

/** How long answers under way are waited for when standard input has ended, in ms. Clients wait for about twice that. */
const LAST_ANSWERS_MS = 1_000;

/**
 * `cproxy mcp`: CProxy as an MCP server on standard input and output, until its client ends it. It is at the engine that runs; while
 * none does, alone in this process.
 * @returns the exit code
 */
export async function mcp(options: McpOptions): Promise<number> {
  const write = takeStandardOutput();
  const { env, stdin, stdout } = process;
  const folders = resolveFolders(env);
  const hide = createRedactor([]);
  const report = (error: unknown): void =>
    note(hide(`Something failed inside CProxy. Please report it: ${stackOf(error)}`));
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);

  const start = async (): Promise<LocalEngine> => {
    try {
      const { startAloneEngine } = await import('./alone-engine.ts');
      const { engine, stop } = await startAloneEngine({ file: options.config, environment: options.env, folders, env });
      return { engine: await engine.mcpEngine(), stop };
    } catch (error) {
      throw explained(error, report);
    }
  };
  const relay = new Relay({
    backends: lockedBackends(folders.data, localBackend({ start, onInternalError: report })),
    send: (message) => void write(`${JSON.stringify(message)}\n`),
    onNote: (text) => note(hide(text)),
    onInternalError: report,
  });

  const ended = Promise.withResolvers<void>();
  const end = (): void => ended.resolve();
  const stopWatching = watchLock(folders.data, () => relay.follow());
  readFrames({
    input: stdin,
    onMessage: (message) => relay.receive(message),
    onWrong: (answer) => void write(`${JSON.stringify(answer)}\n`),
    onEnd: () => void Promise.race([relay.idle(), wait(LAST_ANSWERS_MS)]).then(end),
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  // Nobody reads any more.
  for (const event of ['error', 'close']) stdout.once(event, end);

  await ended.promise;
  endSoon();
  stopWatching();
  stdin.destroy();
  await relay.close();
  return exitCodes.ok;
}

/** What a user can do something about is said to the client; anything else is a bug. */
function explained(error: unknown, report: (error: unknown) => void): NotTakenError {
  if (error instanceof Error && (KNOWN.has(error.name) || 'syscall' in error))
    return new NotTakenError(`CProxy cannot start: ${error.message}`, rpcCodes.internalError, null);
  report(error);
  return new NotTakenError(
    'CProxy could not start. What it wrote to standard error says more.',
    rpcCodes.internalError,
    null,
  );
}

/** Errors whose messages say what to do. */
const KNOWN = new Set(['ConfigError', 'EngineStartError', 'ProxyError']);

const stackOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
