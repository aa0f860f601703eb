import { buildAll } from '../../scripts/lib/build-all.ts';

/** Tests of whole programs run what `npm run build` makes of the sources as they are now. */
export async function setup(): Promise<void> {
  await buildAll({ clean: false });
}
