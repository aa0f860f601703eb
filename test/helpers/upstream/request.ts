import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

export type UpstreamProtocol = 'anthropic' | 'openai-chat' | 'openai-responses' | 'ollama';

/** How the paths of requests that ask a model end. */
const paths: readonly [string, UpstreamProtocol][] = [
  ['/messages', 'anthropic'],
  ['/chat/completions', 'openai-chat'],
  ['/responses', 'openai-responses'],
  ['/api/chat', 'ollama'],
];

/** A request as it reached the upstream. */
export class UpstreamRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  readonly path: string;
  /** Names and values alternating, in order and letter case as sent. */
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingHttpHeaders;
  readonly receivedAt = Date.now();
  /** Empty until the body is complete. */
  body: Buffer = Buffer.alloc(0);
  bodyComplete = false;
  /** The client closed the connection before the answer was complete. */
  aborted = false;
  abortedAt: number | null = null;
  /** Settles when the exchange is over, in whatever way. */
  readonly ended: Promise<void>;

  constructor(incoming: IncomingMessage, response: ServerResponse, brokenByUs: () => boolean) {
    this.method = incoming.method ?? '';
    this.url = incoming.url ?? '';
    this.path = new URL(this.url, 'http://upstream').pathname;
    this.rawHeaders = [...incoming.rawHeaders];
    this.headers = { ...incoming.headers };
    this.ended = new Promise((resolve) => {
      response.once('close', () => {
        if (!response.writableFinished && !brokenByUs()) {
          this.aborted = true;
          this.abortedAt = Date.now();
        }
        resolve();
      });
    });
  }

  get text(): string {
    return this.body.toString('utf8');
  }

  /** The body read as a JSON object. */
  get json(): Record<string, unknown> {
    const value: unknown = JSON.parse(this.text);
    if (typeof value !== 'object' || value === null) throw new Error(`not a JSON object: ${this.text.slice(0, 80)}`);
    return value as Record<string, unknown>;
  }

  /** The protocol its path belongs to, for requests that ask a model. */
  get protocol(): UpstreamProtocol | null {
    if (this.method !== 'POST') return null;
    return paths.find(([end]) => this.path.endsWith(end))?.[1] ?? null;
  }

  /** Whether it asks for a count of tokens. */
  get counts(): boolean {
    return this.method === 'POST' && /\/(messages\/count_tokens|responses\/input_tokens)$/.test(this.path);
  }

  get streamed(): boolean {
    const { stream } = this.json;
    return this.protocol === 'ollama' ? stream !== false : stream === true;
  }

  get model(): string {
    return String(this.json.model ?? '');
  }
}
