import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { ollamaAnswer, responsesAnswer } from './dialect-answers.ts';
import { serveCalls } from './ipc.ts';
import { MessageReader } from './wire.ts';
import {
  type Answer,
  anthropicAnswer,
  chatAnswer,
  type Delivery,
  deliveryMark,
  monotonicMicroseconds,
  paceMs,
  pauseMs,
  stampDigits,
  stampMark,
} from './workload.ts';

/**
 * The mock upstream, a process of its own. It speaks Anthropic Messages, OpenAI's Chat Completions and Responses, and
 * Ollama's own API from bytes made beforehand, over bare sockets. Paths below `/down` answer 500, those below `/cut` break a stream off in its middle.
 */

const headerLine = (status: string, type: string, framing: string): string =>
  `HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\nrequest-id: req_bench\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\n${framing}\r\n\r\n`;

const whole = (status: string, body: string): Buffer =>
  Buffer.from(headerLine(status, 'application/json', `content-length: ${Buffer.byteLength(body)}`) + body);

const framed = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const streamHead = (type: string): string => headerLine('200 OK', type, 'transfer-encoding: chunked');

interface PreparedAnswer {
  plain: Buffer;
  /** The writes of a stream, the first one with the headers in it. */
  frames: Buffer[];
  /** The same in two parts. */
  first: Buffer;
  rest: Buffer;
}

function prepare({ plain, stream }: Answer, type = 'text/event-stream; charset=utf-8'): PreparedAnswer {
  const frames = stream.chunks.map((chunk) => framed(chunk));
  frames[0] = streamHead(type) + (stream.before === '' ? '' : framed(stream.before)) + frames[0];
  frames[frames.length - 1] += `${framed(stream.after)}0\r\n\r\n`;
  const writes = frames.map((frame) => Buffer.from(frame));
  const [first = Buffer.alloc(0), ...others] = writes;
  return { plain: whole('200 OK', plain), frames: writes, first, rest: Buffer.concat(others) };
}

const anthropic = prepare(anthropicAnswer);
const chat = prepare(chatAnswer);
const responses = prepare(responsesAnswer);
const ollama = prepare(ollamaAnswer, 'application/x-ndjson');
/** By the end of the path. */
const prepared: readonly (readonly [string, PreparedAnswer])[] = [
  ['/messages', anthropic],
  ['/chat/completions', chat],
  ['/responses', responses],
  ['/api/chat', ollama],
];
const down = whole(
  '500 Internal Server Error',
  JSON.stringify({ type: 'error', error: { type: 'api_error', message: 'The mock upstream is down, as asked.' } }),
);
const notFound = whole(
  '404 Not Found',
  JSON.stringify({ type: 'error', error: { type: 'not_found_error', message: 'no such path' } }),
);

const deliveries: readonly { mark: string; delivery: Delivery }[] = (['paced', 'pause'] as const).map((delivery) => ({
  mark: deliveryMark(delivery),
  delivery,
}));
const deliveryOf = (body: Buffer): Delivery => deliveries.find(({ mark }) => body.includes(mark))?.delivery ?? 'burst';

// Written by CProxy, the client and every peer without spaces (JSON.stringify).
const streamMark = '"stream":true';

/** A frame's copy that carries the time at which it is written. */
function stamp(frame: Buffer): Buffer {
  const stamped = Buffer.from(frame);
  const digits = String(monotonicMicroseconds()).padStart(stampDigits, '0');
  stamped.write(digits, stamped.indexOf(stampMark) + stampMark.length, 'latin1');
  return stamped;
}

/** Sends the frames of a stream, each in a write of its own; paced ones are stamped. */
function sendFrames(socket: Socket, frames: readonly Buffer[], paced: boolean): void {
  let next = 0;
  const step = () => {
    const frame = frames[next++];
    if (frame === undefined || socket.destroyed) return;
    socket.write(paced ? stamp(frame) : frame);
    if (paced) setTimeout(step, paceMs);
    else setImmediate(step);
  };
  step();
}

function sendStream(socket: Socket, { frames, first, rest }: PreparedAnswer, delivery: Delivery): void {
  if (delivery !== 'pause') {
    sendFrames(socket, frames, delivery === 'paced');
    return;
  }
  socket.write(first);
  setTimeout(() => socket.write(rest), pauseMs);
}

const cutAfterFrames = 50;

function cutStream(socket: Socket, { frames }: PreparedAnswer): void {
  socket.write(Buffer.concat(frames.slice(0, cutAfterFrames)), () => socket.destroy());
}

let requests = 0;

function answer(socket: Socket, path: string, body: Buffer): void {
  requests++;
  if (path.startsWith('/down/')) {
    socket.write(down);
    return;
  }
  const bare = path.split('?', 1)[0] ?? '';
  const found = prepared.find(([end]) => bare.endsWith(end))?.[1];
  if (found === undefined) socket.write(notFound);
  else if (!body.includes(streamMark)) socket.write(found.plain);
  else if (path.startsWith('/cut/')) cutStream(socket, found);
  else sendStream(socket, found, deliveryOf(body));
}

const server = createServer((socket) => {
  socket.setNoDelay(true);
  let path = '';
  let chunks: Buffer[] = [];
  const reader = new MessageReader({
    head(text) {
      path = text.split(' ', 2)[1] ?? '';
    },
    body: (bytes) => chunks.push(bytes),
    end() {
      answer(socket, path, Buffer.concat(chunks));
      chunks = [];
    },
  });
  socket.on('data', (bytes) => reader.push(bytes));
  // A subject that ends, or gives a call up, resets its connections: that is what is being measured, not a fault.
  socket.on('error', () => socket.destroy());
});

serveCalls({
  async listen() {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server.address();
  },
  requests: () => requests,
});
