import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The renderer: one page that a browser loads from /ui/ and the desktop application from its own scheme. */
// biome-ignore lint/style/noDefaultExport: Vite reads the default export.
export default defineConfig({
  root: folder('src-renderer'),
  base: './',
  plugins: [react()],
  build: {
    outDir: folder('dist/renderer'),
    emptyOutDir: true,
    target: ['chrome120', 'firefox121', 'safari17.2'],
    // The page's policy allows no data: scripts or fonts; files of their own always work.
    assetsInlineLimit: 0,
  },
});
