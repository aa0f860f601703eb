import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { constants, createGzip } from 'node:zlib';
import { seededRandom } from '../seeded-random.ts';
import type { Dialect } from './dialect.ts';
import type { Frame, Wire } from './step.ts';

/** Frames as bytes, one buffer a frame, with the line ends, comments and pings that were asked for. */
export function encodeFrames(frames: readonly Frame[], wire: Wire, { framing, ping }: Dialect): Buffer[] {
  const newline = wire.crlf === true ? '\r\n' : '\n';
  const lines = framing === 'ndjson';
  const text = (frame: Frame) =>
    lines
      ? `${frame.data}${newline}`
      : `${frame.event === undefined ? '' : `event: ${frame.event}${newline}`}${frame.data
          .split('\n')
          .map((line) => `data: ${line}${newline}`)
          .join('')}${newline}`;
  const comment = wire.comments === true && !lines ? `: still here${newline}` : '';
  const ownPing = lines ? newline : `: ping${newline}${newline}`;
  return frames.map((frame, index) => {
    const pinged = wire.pings === true && index % 3 === 2 && index < frames.length - 1;
    const pingAfter = pinged ? (ping === null ? ownPing : text(ping)) : '';
    return Buffer.from(comment + text(frame) + pingAfter);
  });
}

/** Cuts bytes as asked: by a fixed size, by chance that repeats itself, or not at all. */
export function cut(pieces: readonly Uint8Array[], wire: Wire): Uint8Array[] {
  if (wire.chunkBytes === undefined && wire.randomChunks === undefined) return [...pieces];
  const all = Buffer.concat(pieces);
  const random = wire.randomChunks === undefined ? null : seededRandom(wire.randomChunks);
  const result: Uint8Array[] = [];
  for (let at = 0; at < all.length; ) {
    const size = random === null ? (wire.chunkBytes ?? all.length) : 1 + Math.floor(random() * 40);
    result.push(all.subarray(at, at + size));
    at += size;
  }
  return result;
}

/**
 * Writes an answer the way `wire` says. `breakOff` is called before the connection is broken on purpose, so that it does
 * not look as if the client had left.
 */
export async function send(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  pieces: readonly Uint8Array[],
  wire: Wire,
  breakOff: () => void,
): Promise<void> {
  if (wire.headerDelayMs !== undefined) await sleep(wire.headerDelayMs);
  const gzip = wire.gzip === true ? createGzip({ flush: constants.Z_SYNC_FLUSH }) : null;
  response.writeHead(status, {
    ...headers,
    ...(gzip === null ? {} : { 'content-encoding': 'gzip' }),
    ...wire.headers,
  });
  response.flushHeaders();
  if (wire.firstDelayMs !== undefined) await sleep(wire.firstDelayMs);

  const out = gzip ?? response;
  gzip?.pipe(response);
  const limited = limit(pieces, wire);
  for (const [index, chunk] of cut(limited, wire).entries()) {
    if (index > 0) await (wire.delayMs === undefined ? nextTurn() : sleep(wire.delayMs));
    if (response.destroyed) return;
    if (!out.write(chunk)) await drained(out, response);
  }
  const how = wire.breakAfter?.how;
  if (how === 'hang') return;
  if (how === 'reset') {
    breakOff();
    // What was written is delivered before the reset.
    await sleep(5);
    response.socket?.resetAndDestroy();
    return;
  }
  out.end();
}

function limit(pieces: readonly Uint8Array[], wire: Wire): readonly Uint8Array[] {
  const at = wire.breakAfter;
  if (at === undefined) return pieces;
  const kept = at.frames === undefined ? pieces : pieces.slice(0, at.frames);
  return at.bytes === undefined ? kept : [Buffer.concat(kept).subarray(0, at.bytes)];
}

/** Until more can be written, or nobody is there to read it; leaves no listeners behind. */
async function drained(out: NodeJS.WritableStream, response: ServerResponse): Promise<void> {
  const waiting = new AbortController();
  const { signal } = waiting;
  await Promise.race([once(out, 'drain', { signal }), once(response, 'close', { signal })]);
  waiting.abort();
}
