// `npm run build`: the command line, the desktop application and the page, into dist/.
import { buildAll } from './lib/build-all.ts';
import { say } from './lib/project.ts';

const started = performance.now();
await buildAll({ clean: true });
say(`Built dist/ in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
