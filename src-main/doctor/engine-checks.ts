import { createServer } from 'node:net';
import type { ContractRouterClient } from '@orpc/contract';
import type { Config } from '../../src-shared/config.ts';
import type { ControlContract, EngineStatus } from '../../src-shared/control.ts';
import { findRunning, lockFilePath, readLock } from '../config/lock-file.ts';
import { portTakenMessage } from '../config/port-holder.ts';
import { TokenStore } from '../secrets/token-store.ts';
import { statusOf } from './ask-directly.ts';
import { amber, type Check, green, reasonOf, red, skipped } from './check.ts';

export type ControlClient = ContractRouterClient<ControlContract>;

/** Runs an action against the engine that runs; null where none does. @throws Error where it does not answer */
export type WithEngine = <T>(
  action: (client: ControlClient, endpoint: string) => Promise<T>,
  limitMs?: number,
) => Promise<{ result: T } | null>;

/** How long the token lives that is made to try the door, in ms. */
const TRIAL_TOKEN_MS = 60_000;

export interface EngineOptions {
  dataFolder: string;
  withEngine: WithEngine;
  /** Of this program. */
  version: string;
  command: string;
}

/** Who holds the data folder, and whether that engine answers. `status`: null where none runs, or it does not answer. */
export async function engineChecks(options: EngineOptions): Promise<{ checks: Check[]; status: EngineStatus | null }> {
  const { dataFolder, withEngine, version, command } = options;
  const lock = await findRunning(dataFolder);
  if (lock === null) {
    const stale = readLock(dataFolder);
    const idle = amber('engine', 'CProxy is not running.', `\`${command} serve\` starts it.`);
    return {
      checks: [
        idle,
        ...(stale === null
          ? []
          : [
              green(
                'lock',
                `${lockFilePath(dataFolder)} was left by process ${stale.pid}, which is gone; the next start takes it over.`,
              ),
            ]),
      ],
      status: null,
    };
  }
  if (lock.host === 'command')
    return {
      checks: [green('lock', `A command (process ${lock.pid}) holds the data folder for a moment.`)],
      status: null,
    };
  try {
    const asked = await withEngine((client) => client.status());
    if (asked === null)
      return { checks: [amber('engine', 'CProxy has just stopped.', `\`${command} serve\` starts it.`)], status: null };
    const status = asked.result;
    return { checks: [stateCheck(status), versionCheck(status, version)], status };
  } catch (error) {
    const advice = `Wait a moment. If it stays so, end process ${lock.pid} and start CProxy anew.`;
    return { checks: [red('engine', reasonOf(error), advice)], status: null };
  }
}

function stateCheck({ state, endpoint, pid, host }: EngineStatus): Check {
  const found = `CProxy is ${state} at ${endpoint} (process ${pid}, ${host}).`;
  return state === 'running' ? green('engine', found) : amber('engine', found, 'Ask again in a moment.');
}

function versionCheck(status: EngineStatus, version: string): Check {
  return status.version === version
    ? green('version', version)
    : amber(
        'version',
        `${status.version} runs, and this command is of ${version}.`,
        'Stop the running CProxy and start it anew, so that both are of one version.',
      );
}

/** Whether the configured port can be had, where no engine runs. */
export async function portCheck(
  { host, port }: Pick<Config['server'], 'host' | 'port'>,
  dataFolder: string,
): Promise<Check> {
  if (port === 0) return green('port', 'Any that is free (server.port: 0).');
  const code = await listenOnce(host, port);
  if (code === null) return green('port', `${port} on ${host} is free.`);
  if (code === 'EADDRINUSE') return red('port', await portTakenMessage(port, host, dataFolder));
  if (code === 'EACCES')
    return red(
      'port',
      `This user may not listen on port ${port}.`,
      'Choose one above 1023 with --port or server.port.',
    );
  return red('port', `${host}:${port} cannot be listened on: ${code}.`, 'Correct server.host and server.port.');
}

/** @returns null where it could be listened on, else the system's code. */
function listenOnce(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port }, () => server.close(() => resolve(null)));
  });
}

/** Client tokens of an engine that does not run. */
export function storedTokenCheck(dataFolder: string, auth: Config['server']['auth'], command: string): Check[] {
  const tokens = TokenStore.open(dataFolder);
  const count = tokens.list().length;
  return [
    ...tokens.warnings.map((warning) => amber('client tokens', warning)),
    count > 0 || auth === 'none'
      ? green('client tokens', auth === 'none' ? 'Not needed (server.auth: none).' : countOf(count))
      : green('client tokens', `None yet: the first start makes one, \`${command} token new NAME\` others.`),
  ];
}

/** Whether the doors of a running engine open to whom they should, and to nobody else. */
export async function accessChecks(
  withEngine: WithEngine,
  auth: EngineStatus['auth'],
  command: string,
): Promise<Check[]> {
  const tried = await withEngine(async (client, endpoint) => {
    const count = (await client.tokens.list()).length;
    const { id, token } = await client.tokens.create({ name: 'doctor', lifetimeMs: TRIAL_TOKEN_MS });
    try {
      const models = `${endpoint}/v1/models`;
      const local = { host: 'localhost' };
      const [withToken, without, foreignHost, foreignOrigin] = await Promise.all([
        statusOf(models, { ...local, 'x-cproxy-token': token }),
        statusOf(models, local),
        statusOf(`${endpoint}/health`, { host: 'attacker.example' }),
        statusOf(`${endpoint}/health`, { ...local, origin: 'https://attacker.example' }),
      ]);
      return { count, withToken, without, foreignHost, foreignOrigin };
    } finally {
      await client.tokens.revoke({ id });
    }
  });
  if (tried === null) return [skipped('access', 'CProxy has just stopped.')];
  const { count, ...statuses } = tried.result;
  return accessVerdict(count, auth, statuses, command);
}

/** @param count of client tokens. The others are HTTP statuses. */
export function accessVerdict(
  count: number,
  auth: EngineStatus['auth'],
  statuses: { withToken: number; without: number; foreignHost: number; foreignOrigin: number },
  command: string,
): Check[] {
  const { withToken, without, foreignHost, foreignOrigin } = statuses;
  const report = 'Nobody but you should use this endpoint until that is clear. Please report it.';
  return [
    count === 0 && auth === 'token'
      ? amber('client tokens', 'There are none, so no client can come in.', `\`${command} token new NAME\` makes one.`)
      : green('client tokens', auth === 'none' ? 'Not needed (server.auth: none).' : countOf(count)),
    withToken === 200
      ? green('with a token', 'A request with a client token is let in.')
      : red('with a token', `A request with a fresh client token is answered HTTP ${withToken}.`, report),
    auth === 'none'
      ? green('without a token', 'Anyone on this machine is let in (server.auth: none).')
      : without === 401
        ? green('without a token', 'A request without one is refused.')
        : red('without a token', `A request without a token is answered HTTP ${without}.`, report),
    foreignHost === 403 && foreignOrigin === 403
      ? green('web pages', 'Foreign Host and Origin headers are refused.')
      : red(
          'web pages',
          `A foreign Host is answered HTTP ${foreignHost}, a foreign Origin HTTP ${foreignOrigin}.`,
          report,
        ),
  ];
}

const countOf = (count: number): string => (count === 1 ? 'There is 1.' : `There are ${count}.`);
