import { chmod } from 'node:fs/promises';
import path from 'node:path';
import { build, type InlineConfig } from 'vite';
import { projectFolder } from './project.ts';

/** Dependencies stay in node_modules and Electron is the runtime's own: neither is bundled. */
const shared = {
  configFile: false,
  root: projectFolder,
  // The renderer's folder of static files is not ours.
  publicDir: false,
  logLevel: 'warn',
} satisfies InlineConfig;

/**
 * The command line and the desktop application's main process, as ES modules: dist/main/{cli,desktop}.js; beside them the
 * threads, which are started by their files' names.
 */
export const mainConfig: InlineConfig = {
  ...shared,
  // The tokenizer comes with seven encodings and three forms of each, 30 MB; bundled, it is the one that is used.
  ssr: { target: 'node', external: ['electron'], noExternal: ['gpt-tokenizer'] },
  build: {
    ssr: true,
    // Syntax only. Node 24 needs none of it; older Electron runtimes that tests run in lack explicit resource management.
    target: 'node20.18',
    outDir: 'dist/main',
    emptyOutDir: true,
    minify: false,
    sourcemap: true,
    reportCompressedSize: false,
    rolldownOptions: {
      input: {
        cli: path.join(projectFolder, 'src-main/cli.ts'),
        desktop: path.join(projectFolder, 'src-main/desktop.ts'),
        'reasoning-worker': path.join(projectFolder, 'src-main/storage/reasoning-worker.ts'),
        'history-worker': path.join(projectFolder, 'src-main/storage/history/history-worker.ts'),
        'bodies-worker': path.join(projectFolder, 'src-main/recording/bodies-worker.ts'),
        'count-worker': path.join(projectFolder, 'src-main/counting/count-worker.ts'),
      },
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
};

/** The preload script: sandboxed preloads must be one CommonJS file and may require nothing but electron. */
export const preloadConfig: InlineConfig = {
  ...shared,
  ssr: { target: 'node', external: ['electron'], noExternal: true },
  build: {
    ssr: true,
    target: 'chrome130',
    outDir: 'dist/preload',
    emptyOutDir: true,
    minify: false,
    reportCompressedSize: false,
    rolldownOptions: {
      input: { preload: path.join(projectFolder, 'src-main/desktop/preload.ts') },
      output: { format: 'cjs', entryFileNames: '[name].cjs' },
    },
  },
};

/** The page, by its own configuration. */
export const rendererConfig: InlineConfig = {
  configFile: path.join(projectFolder, 'vite.config.ts'),
  logLevel: 'warn',
  build: { reportCompressedSize: false },
};

/** Marks the built command line as a program. */
export async function makeExecutable(): Promise<void> {
  await chmod(path.join(projectFolder, 'dist/main/cli.js'), 0o755);
}

/**
 * Builds everything into dist/. Parts of earlier builds stay unless `clean`: an engine that runs from here loads them when it
 * first needs them. Their names have a hash.
 */
export async function buildAll({ clean }: { clean: boolean }): Promise<void> {
  const main: InlineConfig = { ...mainConfig, build: { ...mainConfig.build, emptyOutDir: clean } };
  await Promise.all([build(main).then(makeExecutable), build(preloadConfig), build(rendererConfig)]);
}

/** Builds now and whenever a source changes, and says when. Close the result to end it. */
export async function watchBuild(config: InlineConfig, onBuilt: () => void): Promise<{ close(): Promise<void> }> {
  const watcher = await build({ ...config, build: { ...config.build, watch: {} } });
  if (!('on' in watcher)) throw new Error('the bundler does not watch');
  watcher.on('event', (event) => {
    if (event.code === 'BUNDLE_END') {
      void event.result.close();
      onBuilt();
    }
    // The bundler has said what is wrong; the next change may put it right.
    if (event.code === 'ERROR') void event.result?.close();
  });
  return watcher;
}
