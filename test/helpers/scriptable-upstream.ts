import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { anthropicDialect } from './upstream/anthropic.ts';
import type { Asked, Dialect } from './upstream/dialect.ts';
import { ollamaDialect, ollamaShow, ollamaTags } from './upstream/ollama.ts';
import { chatDialect } from './upstream/openai-chat.ts';
import { responsesDialect } from './upstream/openai-responses.ts';
import { type UpstreamProtocol, UpstreamRequest } from './upstream/request.ts';
import { encodeFrames, send } from './upstream/send.ts';
import type { AnswerStep, ErrorStep, Frame, FramesStep, PartialUsage, RawStep, Step, Wire } from './upstream/step.ts';

export { type UpstreamProtocol, UpstreamRequest } from './upstream/request.ts';
export * from './upstream/step.ts';

export type Script = (request: UpstreamRequest, index: number) => Step | Promise<Step>;

/** What its counters of tokens (Anthropic's and Responses') say; null: they are not there. */
type CountStep = number | null | RawStep | { kind: 'hang' } | { kind: 'close' };
export type CountScript = (request: UpstreamRequest) => CountStep | Promise<CountStep>;

/** What it says to whatever asks neither a model nor for a count: lists, health, accounts; null: what it says without. */
export type OtherScript = (request: UpstreamRequest) => RawStep | { kind: 'hang' } | { kind: 'close' } | null;

export interface UpstreamOptions {
  models?: string[];
  other?: OtherScript;
  /** Default: 42. */
  countTokens?: CountScript;
}

export interface ScriptableUpstream {
  /** `http://127.0.0.1:PORT`, without a version segment. */
  readonly url: string;
  readonly port: number;
  /** All requests in the order they arrived, counting and listing included. */
  readonly requests: UpstreamRequest[];
  /** Requests that asked a model. */
  readonly asked: UpstreamRequest[];
  /** Decides every answer from now on; drops what is queued. `index` counts the model requests since then. */
  script(script: Script): void;
  /** Requests for a count, of those that have arrived completely. */
  readonly counted: UpstreamRequest[];
  /** Decides all counts from now on. */
  count(script: CountScript): void;
  /** Answers for the next requests, one each, before the script is asked again. */
  queue(...steps: Step[]): void;
  /** Waits until so many model requests have arrived completely. Throws after `limitMs` (default 5 s). */
  waitFor(count: number, limitMs?: number): Promise<UpstreamRequest[]>;
  /** Forgets recorded requests and queued answers. */
  reset(): void;
  /** Stops listening and breaks all connections. */
  close(): Promise<void>;
  /** After `close`: listens again, on the same port. */
  reopen(): Promise<void>;
}

const dialects: Record<UpstreamProtocol, Dialect> = {
  anthropic: anthropicDialect,
  'openai-chat': chatDialect,
  'openai-responses': responsesDialect,
  ollama: ollamaDialect,
};

/** Used where a step names no usage. */
const defaultUsage: PartialUsage = { input: 25, cacheRead: 0, cacheWrite: 0, output: 7 };

/**
 * An upstream on 127.0.0.1 that speaks Anthropic Messages, OpenAI's Chat Completions and Responses, and Ollama's own API,
 * does what it is told and records everything it receives.
 *
 * ```ts
 * const upstream = await startUpstream();                       // `await using` closes it at the end of the block
 * upstream.script((request) => say(`you asked ${request.model}`));
 * upstream.queue(
 *   callTools([{ name: 'Bash', input: { command: 'ls' } }], { chunkBytes: 1, crlf: true }),
 *   fail(529, { type: 'overloaded_error', headers: { 'retry-after': '2' } }),
 *   answer([{ type: 'thinking', text: 'hm' }, { type: 'text', text: 'ja' }], { usage: { input: 3, output: 2 } }),
 *   say('cut off', { breakAfter: { frames: 3, how: 'reset' } }),
 *   hang(), close(), html(), empty(), garbage(), redirect('http://127.0.0.1:1/'),
 * );
 * // … then look at what arrived:
 * upstream.asked[0]?.body; upstream.asked[0]?.rawHeaders; upstream.asked[0]?.aborted;
 * await upstream.close();
 * ```
 *
 * Without a script every request is answered with the text `ok`. `/v1/models` and `/api/tags` list `models`; counting tokens
 * answers 42, unless `upstream.count(() => 1000)` says otherwise.
 */
export async function startUpstream(options: UpstreamOptions = {}): Promise<ScriptableUpstream & AsyncDisposable> {
  const requests: UpstreamRequest[] = [];
  const queued: Step[] = [];
  let script: Script = () => ({ kind: 'answer', content: [{ type: 'text', text: 'ok' }] });
  let count: CountScript = options.countTokens ?? (() => 42);
  let scripted = 0;
  let answered = 0;

  const server = createServer((incoming, response) => {
    let broken = false;
    const breakOff = () => {
      broken = true;
    };
    const request = new UpstreamRequest(incoming, response, () => broken);
    requests.push(request);
    readBody(incoming)
      .then(async (body) => {
        request.body = body;
        request.bodyComplete = true;
        const { protocol } = request;
        if (request.counts) return await answerCount(await count(request), { request, response, breakOff });
        if (protocol === null) {
          const step = options.other?.(request) ?? null;
          if (step === null) return answerOther(request, response, options.models ?? ['model-a', 'model-b']);
          return await perform(step, { request, response, dialect: chatDialect, id: 'other', breakOff });
        }
        const step = queued.shift() ?? (await script(request, scripted++));
        await perform(step, { request, response, dialect: dialects[protocol], id: String(++answered), breakOff });
      })
      .catch((error: unknown) => {
        // The client left while it was sending or being answered: recorded by the request itself.
        if (response.destroyed || incoming.destroyed) return;
        response.writeHead(599).end(`The script of the test failed: ${String(error)}`);
      });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const asked = () => requests.filter((request) => request.protocol !== null);
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    get asked() {
      return asked();
    },
    script(next) {
      script = next;
      scripted = 0;
      queued.length = 0;
    },
    get counted() {
      return requests.filter(({ counts, bodyComplete }) => counts && bodyComplete);
    },
    count(next) {
      count = next;
    },
    queue: (...steps) => void queued.push(...steps),
    async waitFor(count, limitMs = 5_000) {
      const end = Date.now() + limitMs;
      while (asked().filter((request) => request.bodyComplete).length < count) {
        if (Date.now() > end) throw new Error(`${asked().length} of ${count} requests arrived in ${limitMs} ms`);
        await sleep(5);
      }
      return asked();
    },
    reset() {
      requests.length = 0;
      queued.length = 0;
    },
    close,
    reopen: () => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve)),
    [Symbol.asyncDispose]: close,
  };
}

/** A port of 127.0.0.1 on which nothing listens: connections to it are refused. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function answerOther(request: UpstreamRequest, response: ServerResponse, models: string[]): void {
  const json = (status: number, body: unknown) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  const is = (method: string, end: string) => request.method === method && request.path.endsWith(end);
  if (is('GET', '/models'))
    json(200, { object: 'list', data: models.map((id) => ({ id, object: 'model', type: 'model', display_name: id })) });
  else if (is('GET', '/api/tags')) json(200, ollamaTags(models));
  else if (is('GET', '/api/version')) json(200, { version: '0.33.0' });
  else if (is('POST', '/api/show')) json(200, ollamaShow);
  else json(404, { error: { type: 'not_found_error', message: `${request.method} ${request.path}` } });
}

async function answerCount(
  step: CountStep,
  { request, response, breakOff }: Pick<Call, 'request' | 'response' | 'breakOff'>,
): Promise<void> {
  if (step === null) answerOther(request, response, []);
  else if (typeof step === 'number') {
    const object = request.path.endsWith('/input_tokens') ? { object: 'response.input_tokens' } : {};
    const body = JSON.stringify({ ...object, input_tokens: step });
    await send(response, 200, { 'content-type': 'application/json' }, [Buffer.from(body)], {}, breakOff);
  } else if (step.kind === 'raw') {
    await send(response, step.status, step.headers, [Buffer.from(step.body)], step.wire ?? {}, breakOff);
  } else if (step.kind === 'close') {
    breakOff();
    response.socket?.resetAndDestroy();
  }
}

/** One request and what answers it. */
interface Call {
  request: UpstreamRequest;
  response: ServerResponse;
  dialect: Dialect;
  /** Of the answer. */
  id: string;
  breakOff: () => void;
}

async function perform(step: Step, call: Call): Promise<void> {
  const { request, response, dialect, breakOff } = call;
  switch (step.kind) {
    case 'hang':
      return;
    case 'close':
      breakOff();
      response.socket?.resetAndDestroy();
      return;
    case 'raw':
      return send(response, step.status, step.headers, [Buffer.from(step.body)], step.wire ?? {}, breakOff);
    case 'error':
      return sendError(step, call);
    case 'frames':
      return sendFrames(step.frames.map(frameOf), step.wire ?? {}, call);
    case 'answer': {
      const asked = askedOf(step, call);
      if (request.streamed) return sendFrames(dialect.frames(step, asked), step.wire ?? {}, call);
      const body = Buffer.from(JSON.stringify(dialect.whole(step, asked)));
      return send(response, 200, { 'content-type': 'application/json' }, [body], step.wire ?? {}, breakOff);
    }
  }
}

function frameOf(frame: FramesStep['frames'][number]): Frame {
  if (typeof frame === 'string') return { data: frame };
  if (isFrame(frame)) return frame;
  return { data: JSON.stringify(frame), ...(typeof frame.type === 'string' ? { event: frame.type } : {}) };
}

const isFrame = (value: Frame | Record<string, unknown>): value is Frame => typeof value.data === 'string';

const usageOf = (step: AnswerStep): PartialUsage | null =>
  step.usage === null ? null : { ...defaultUsage, ...step.usage };

const askedOf = (step: AnswerStep, { request, id }: Call): Asked => ({
  id,
  model: request.model,
  usage: usageOf(step),
  body: request.json,
});

const contentTypes = { sse: 'text/event-stream; charset=utf-8', ndjson: 'application/x-ndjson' };

function sendFrames(frames: Frame[], wire: Wire, call: Call): Promise<void> {
  const { request, response, dialect, id, breakOff } = call;
  const error = wire.errorAfter;
  const sent =
    error === undefined
      ? frames
      : [
          ...frames.slice(0, error.frames),
          dialect.errorFrame(
            {
              type: error.type ?? 'overloaded_error',
              message: error.message ?? 'Overloaded',
              place: error.frames,
              failed: error.failed === true,
            },
            { id, model: request.model },
          ),
        ];
  const headers = { 'content-type': contentTypes[dialect.framing], 'cache-control': 'no-cache' };
  return send(response, 200, headers, encodeFrames(sent, wire, dialect), wire, breakOff);
}

function sendError(step: ErrorStep, { response, dialect, breakOff }: Call): Promise<void> {
  const body = dialect.errorBody(
    step.type ?? (step.status === 429 ? 'rate_limit_error' : step.status === 529 ? 'overloaded_error' : 'api_error'),
    step.message ?? `Scripted failure ${step.status}`,
  );
  const headers = { 'content-type': 'application/json', ...step.headers };
  return send(response, step.status, headers, [Buffer.from(JSON.stringify(body))], {}, breakOff);
}
