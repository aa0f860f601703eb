/** The worker's file: beside this one as source, beside the bundle where it is built. */
export const workerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './reasoning-worker.ts' : './reasoning-worker.js',
  import.meta.url,
);
