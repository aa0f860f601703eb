import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { noBackground } from './test/helpers/no-background.ts';

/** Only where every program is there (.ci/run) can a shortfall mean missing tests instead of skipped ones. */
const enforceCoverage = process.env.CPROXY_COVERAGE === 'enforce';

/** Of a hundred; branches that only guard against what cannot be provoked are let off to a part. */
const atLeast = (percent: number) => ({ statements: percent, functions: percent, lines: percent, branches: 80 });

// biome-ignore lint/style/noDefaultExport: Vitest reads the default export.
export default defineConfig({
  test: {
    // Programs that tests start with a vendor's usual key must not ask that vendor anything.
    env: noBackground,
    maxWorkers: Math.min(4, availableParallelism()),
    projects: [
      {
        extends: true,
        test: {
          name: 'fast',
          include: ['test/{unit,integration,conformance}/**/*.test.{ts,tsx}'],
          // A limit against hanging, not a measurement: CI machines are busy.
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Whole programs (Claude Code, Chromium, Electron, the built command line): one at a time, after the rest, so that
        // they do not starve each other.
        extends: true,
        test: {
          name: 'programs',
          include: ['test/{e2e,desktop}/**/*.test.{ts,tsx}'],
          globalSetup: ['test/helpers/build-first.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
    coverage: {
      provider: 'v8',
      reporter: ['text-summary', 'html', 'json-summary'],
      // The page runs in a browser, where test/e2e sees it work.
      include: ['src-main/**/*.ts', 'src-shared/**/*.ts'],
      exclude: [
        // Run in Electron's own processes, where this coverage does not reach; test/desktop sees them work.
        'src-main/desktop.ts',
        'src-main/desktop/{application,content-guards,control-port,locations,preload,tray,ui-protocol,window}.ts',
        // Runs as a program of its own; test/e2e sees it work.
        'src-main/cli.ts',
        // A few lines each that run in worker threads, where it does not reach either; tests of storage and counting start them.
        'src-main/storage/reasoning-worker.ts',
        'src-main/counting/count-worker.ts',
      ],
      thresholds: enforceCoverage
        ? {
            ...atLeast(80),
            'src-main/protocols/**': atLeast(90),
            'src-main/routing/**': atLeast(90),
            'src-main/pipeline/**': atLeast(90),
          }
        : {},
    },
  },
});
