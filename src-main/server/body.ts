import type { Readable } from 'node:stream';
import { ProxyError } from '../../src-shared/errors.ts';

/**
 * A request's body, whole. What arrives in one piece, as most requests on one machine do, is not copied.
 *
 * @param announcedBytes `content-length`; 0 where none is given.
 * @throws ProxyError `body_too_large`, before anything is read where the length is announced.
 */
export function readBody(payload: Readable, announcedBytes: number, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const tooLarge = (): void => reject(ProxyError.of('body_too_large', { limitBytes }));
    if (announcedBytes > limitBytes) {
      tooLarge();
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    payload.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > limitBytes) {
        payload.pause();
        tooLarge();
        return;
      }
      chunks.push(chunk);
    });
    payload.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, bytes)));
    payload.on('error', () => reject(ProxyError.of('invalid_json', { reason: 'the body did not arrive whole' })));
  });
}
