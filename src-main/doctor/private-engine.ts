import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import type { Config } from '../../src-shared/config.ts';
import type { Folders } from '../config/folders.ts';
import type { LoadedConfig } from '../config/load-config.ts';
import { type Engine, startEngine } from '../engine.ts';
import { silentLogger } from '../observability/logger.ts';
import type { SecretStore } from '../secrets/secret-store.ts';
import type { ControlClient } from './engine-checks.ts';

export interface PrivateEngineOptions {
  loaded: LoadedConfig;
  /** The user's; of these only keys are read. */
  folders: Folders;
  env: NodeJS.ProcessEnv;
  secrets: SecretStore;
}

export interface PrivateEngine {
  readonly endpoint: string;
  /** A client token of its own. */
  readonly token: string;
  readonly control: ControlClient;
  stop(): Promise<void>;
}

/**
 * An engine of its own in this process, with the user's providers and keys, and nothing else of the user's: no rules, no
 * aliases, one target a request, asked once. What it learns and keeps goes with it, so that the figures and conversations of the
 * one that runs stay as they are.
 * @throws EngineStartError
 */
export async function startPrivateEngine({
  loaded,
  folders,
  env,
  secrets,
}: PrivateEngineOptions): Promise<PrivateEngine> {
  const root = await mkdtemp(path.join(tmpdir(), 'cproxy-doctor-'));
  const remove = (): Promise<void> => rm(root, { recursive: true, force: true });
  let engine: Engine;
  try {
    engine = await startEngine({
      loaded: { ...loaded, config: trialConfig(loaded.config), warnings: [] },
      // Relative references to keys start from the configuration's folder; it is not made for that.
      folders: {
        config: loaded.file === null && existsSync(folders.config) ? folders.config : path.join(root, 'config'),
        data: path.join(root, 'data'),
        logs: path.join(root, 'logs'),
        cache: path.join(root, 'cache'),
      },
      env,
      host: 'headless',
      log: silentLogger,
      uiFolder: null,
      secrets,
    });
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    endpoint: engine.endpoint,
    token: engine.firstToken ?? '',
    control: createRouterClient(await engine.controlRouter()),
    stop: async () => {
      try {
        await engine.stop();
      } finally {
        await remove();
      }
    },
  };
}

/** The user's providers, and one way to each. */
export function trialConfig(config: Config): Config {
  const { routing } = config;
  return {
    ...config,
    server: {
      ...config.server,
      host: '127.0.0.1',
      port: 0,
      auth: 'token',
      allowedHosts: [],
      allowedOrigins: [],
      graceMs: 1,
    },
    // Models that a server at home would load for it are loaded by what is asked of them.
    providers: config.providers.map((provider) => ({ ...provider, warmUp: [] })),
    aliases: {},
    routing: {
      ...routing,
      defaultProvider: undefined,
      loadBalancing: { strategy: 'priority', healthCheck: false, failover: false },
      tiers: {},
      rules: [],
      routes: { longContextTokens: routing.routes.longContextTokens },
      retries: { ...routing.retries, rounds: 0 },
      circuit: { ...routing.circuit, enabled: false },
      affinity: { ...routing.affinity, enabled: false },
    },
    modelLists: { ...config.modelLists, fetch: false },
    conversations: { ...config.conversations, keep: 'nothing' },
  };
}
