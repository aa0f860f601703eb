import type { Delivery } from '../workload.ts';

/** What is asked of a subject: whose wire protocol the upstream speaks. */
export type Route = 'pass-through' | 'translated';
export const routes: readonly Route[] = ['pass-through', 'translated'];

export interface ClientRequest {
  path: string;
  headers: Record<string, string>;
  model: string;
}

export interface RunningSubject {
  pid: number;
  port: number;
  request: ClientRequest;
  stop(): Promise<void>;
}

export interface Subject {
  name: string;
  /** Routes that it does not do, with the reason. */
  unavailable: Partial<Record<Route, string>>;
  /** Makes it ready to be started, once per run of the bench. Throws an Error that says why it cannot be had. */
  prepare(): Promise<void>;
  /** Starts it in a process of its own with shipped defaults, its files below `folder`, in front of the mock upstream. */
  start(route: Route, upstreamOrigin: string, folder: string): Promise<RunningSubject>;
}

/** The bytes of a client's request. */
export function httpRequest(request: ClientRequest, body: string): string {
  const headers = {
    host: '127.0.0.1',
    accept: 'application/json',
    'content-type': 'application/json',
    'user-agent': 'claude-cli/2.1.330 (external, sdk-cli)',
    'anthropic-version': '2023-06-01',
    'anthropic-beta': 'claude-code-20250219,interleaved-thinking-2025-05-14,effort-2025-11-24',
    'x-app': 'cli',
    'x-claude-code-session-id': '00000000-0000-4000-8000-000000000000',
    'accept-encoding': 'identity',
    ...request.headers,
    'content-length': String(Buffer.byteLength(body)),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${request.path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

/** A piece of work: how the answer is asked for. */
export interface Work {
  stream: boolean;
  delivery: Delivery;
}
