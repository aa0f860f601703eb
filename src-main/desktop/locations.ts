import path from 'node:path';

/** Relative to dist/main, where the built main process lies; the same inside a package. */
const root = path.resolve(import.meta.dirname, '../..');

export const resourcesFolder = path.join(root, 'resources');
export const uiFolder = path.join(root, 'dist/renderer');
export const preloadFile = path.join(root, 'dist/preload/preload.cjs');
