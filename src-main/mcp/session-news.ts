import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { type LoggingLevel, LoggingLevelSchema } from '@modelcontextprotocol/sdk/types.js';
import type { HealthProblem } from '../../src-shared/health.ts';
import type { McpEngine } from './mcp-engine.ts';
import { config, health } from './resources/fixed-resources.ts';
import type { McpResource } from './resources/resource.ts';
import { listResources } from './resources/resources.ts';
import { rpcCodes } from './rpc-codes.ts';
import { RpcError } from './rpc-error.ts';
import { problemInWords } from './tools/provider-health.ts';
import type { Watch, Watched } from './watch.ts';

/** A client has no use for more. */
const MOST_SUBSCRIPTIONS = 100;

const toolList: Watched = {
  uri: 'list:tools',
  changesWith: ['config'],
  read: async (engine) => engine.settings().allowChanges,
};
const resourceList: Watched = {
  uri: 'list:resources',
  changesWith: ['providers', 'config'],
  read: async (engine) => (await listResources(engine)).map(({ uri }) => uri),
};

export interface SessionNewsOptions {
  server: Server;
  engine: McpEngine;
  watch: Watch;
  onError: (error: unknown) => void;
}

/** What one session's client is told without having asked at that moment. */
export class SessionNews {
  readonly #options: SessionNewsOptions;
  readonly #subscriptions = new Map<string, () => void>();
  readonly #ends: (() => void)[] = [];
  #level: LoggingLevel | null = null;
  #problems: readonly HealthProblem[] = [];
  #isClosed = false;

  constructor(options: SessionNewsOptions) {
    this.#options = options;
  }

  /** From now on it is told when lists change. */
  async begin(): Promise<void> {
    const { server } = this.#options;
    await this.#watch(toolList, () => server.sendToolListChanged());
    await this.#watch(resourceList, () => server.sendResourceListChanged());
  }

  /** @throws RpcError where there are too many, and what reading the resource throws */
  async subscribe(resource: McpResource): Promise<void> {
    const { uri } = resource;
    const { server, watch } = this.#options;
    if (this.#subscriptions.has(uri)) return;
    if (this.#subscriptions.size >= MOST_SUBSCRIPTIONS)
      throw new RpcError(
        rpcCodes.invalidParams,
        `No more than ${MOST_SUBSCRIPTIONS} subscriptions; end another first.`,
      );
    // Whoever subscribes twice at a time is told once.
    this.#subscriptions.set(uri, () => undefined);
    const listener = (): void => this.#send(() => server.sendResourceUpdated({ uri }));
    try {
      const end = await watch.add(resource, listener);
      if (this.#subscriptions.has(uri)) this.#subscriptions.set(uri, end);
      else end();
    } catch (error) {
      this.#subscriptions.delete(uri);
      throw error;
    }
  }

  unsubscribe(uri: string): void {
    const end = this.#subscriptions.get(uri);
    this.#subscriptions.delete(uri);
    end?.();
  }

  /** How important it must be to be told: whoever sets this is told of problems, and of another configuration. */
  async setLevel(level: LoggingLevel): Promise<void> {
    const isFirst = this.#level === null;
    this.#level = level;
    if (!isFirst) return;
    const { engine } = this.#options;
    this.#problems = await problemsOf(engine);
    await this.#watch(health, () => this.#tellProblems());
    await this.#watch(config, () => this.#log('notice', 'config', 'The configuration has changed.'));
  }

  close(): void {
    this.#isClosed = true;
    for (const end of [...this.#ends, ...this.#subscriptions.values()]) end();
    this.#ends.length = 0;
    this.#subscriptions.clear();
  }

  async #watch(what: Watched, tell: () => Promise<void>): Promise<void> {
    const end = await this.#options.watch.add(what, () => this.#send(tell));
    if (this.#isClosed) end();
    else this.#ends.push(end);
  }

  async #tellProblems(): Promise<void> {
    const before = new Set(this.#problems.map(keyOf));
    const now = await problemsOf(this.#options.engine);
    const known = new Set(now.map(keyOf));
    for (const problem of now)
      if (!before.has(keyOf(problem)))
        await this.#log(problem.severity === 'note' ? 'notice' : 'warning', 'health', problemInWords(problem));
    for (const problem of this.#problems)
      if (!known.has(keyOf(problem))) await this.#log('info', 'health', `No longer: ${problem.problem}`);
    this.#problems = now;
  }

  async #log(level: LoggingLevel, logger: string, data: string): Promise<void> {
    const order = LoggingLevelSchema.options;
    if (this.#level === null || order.indexOf(level) < order.indexOf(this.#level)) return;
    await this.#options.server.sendLoggingMessage({ level, logger, data: this.#options.engine.redact(data) });
  }

  #send(tell: () => Promise<void>): void {
    if (this.#isClosed) return;
    tell().catch((error: unknown) => {
      if (!this.#isClosed) this.#options.onError(error);
    });
  }
}

const problemsOf = async (engine: McpEngine): Promise<HealthProblem[]> =>
  (await (await engine.control()).health.snapshot()).problems;

const keyOf = ({ code, about, severity }: HealthProblem): string => `${code} ${about} ${severity}`;
