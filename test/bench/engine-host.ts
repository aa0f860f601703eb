import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createRouterClient } from '@orpc/server';
import { z } from 'zod';
import { type Logger, silentLogger } from '../../src-main/observability/logger.ts';
import type { Middleware } from '../../src-main/pipeline/middleware.ts';
import type { ConfigInput } from '../../src-shared/config.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { serveCalls } from './ipc.ts';

/** The real engine in a process of its own, which tells of each request that has ended. */

const startSchema = z.object({ config: z.custom<ConfigInput>(), env: z.record(z.string(), z.string()) });

setFlagsFromString('--expose-gc');
const collectGarbage = z.custom<() => void>((gc) => typeof gc === 'function').parse(runInNewContext('gc'));

let running: RunningEngine | null = null;
let rows: RequestRow[] = [];

const recorder: Middleware = {
  name: 'recorder',
  async request({ row }, next) {
    try {
      await next();
    } finally {
      rows.push(row);
    }
  },
};

/** Only what is a fault of CProxy itself. */
const log: Logger = {
  ...silentLogger,
  error: (message, fields) => void process.stderr.write(`${message} ${JSON.stringify(fields ?? {})}\n`),
};

serveCalls({
  async start(argument) {
    const { config, env } = startSchema.parse(argument);
    running = await runEngine(config, { env, log, middleware: [recorder] });
    const { url, token } = running;
    return { url, token };
  },
  /** Those that have ended since it was last asked. */
  rows() {
    const ended = rows;
    rows = [];
    return ended;
  },
  async circuits() {
    if (running === null) throw new Error('the engine was not started');
    return createRouterClient(await running.engine.controlRouter()).circuits.list();
  },
  /** What this process has used since it began, in ms of processor time, and takes after a forced collection, in bytes. */
  resources() {
    collectGarbage();
    const { user, system } = process.cpuUsage();
    return { cpuMs: (user + system) / 1000, memoryBytes: process.memoryUsage.rss() };
  },
  async stop() {
    await running?.stop();
  },
});
