import { afterAll, beforeAll, describe, it } from 'vitest';
import {
  type Aspect,
  aspects,
  type Bench,
  checkCell,
  clientProtocols,
  providerProtocols,
  startMatrix,
} from './dialect-matrix.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startMatrix();
});
afterAll(() => bench[Symbol.asyncDispose]());

describe.each(clientProtocols)('a client that speaks %s', (client) => {
  describe.each(providerProtocols)('and a provider that speaks %s', (provider) => {
    it.each(
      (Object.keys(aspects) as Aspect[]).flatMap((aspect) => [
        [aspect, 'streamed'],
        [aspect, 'whole'],
      ]),
    )('%s, %s', async (aspect, form) => {
      await checkCell(bench, client, provider, aspect as Aspect, form === 'streamed');
    });
  });
});
