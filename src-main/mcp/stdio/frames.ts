import type { Readable } from 'node:stream';
import { type JSONRPCMessage, JSONRPCMessageSchema, type RequestId } from '@modelcontextprotocol/sdk/types.js';
import { isObject } from '../../protocols/is-object.ts';
import { rpcCodes } from '../rpc-codes.ts';
import { LineReader } from './line-reader.ts';

/** As much as a request over HTTP may have where nothing else is configured. */
const LONGEST_LINE_BYTES = 32 * 1024 * 1024;

/** The answer to what is no message of JSON-RPC. Its id may be unknown, which the SDK's types do not have. */
export interface FrameError {
  jsonrpc: '2.0';
  id: RequestId | null;
  error: { code: number; message: string };
}

export interface FramesOptions {
  input: Readable;
  onMessage: (message: JSONRPCMessage) => void;
  /** Something else has come; it is to be answered so. */
  onWrong: (answer: FrameError) => void;
  /** Nothing more comes. */
  onEnd: () => void;
  mostBytes?: number;
}

/** Reads messages of JSON-RPC, one a line. What is none does not end it. */
export function readFrames(options: FramesOptions): void {
  const { input, onMessage, onWrong, onEnd, mostBytes = LONGEST_LINE_BYTES } = options;
  const lines = new LineReader(mostBytes);
  const take = (line: string | null): void => {
    if (line === null) onWrong(wrong(null, rpcCodes.parseError, `A line is longer than ${mostBytes} bytes.`));
    else if (line.trim() !== '') readLine(line, onMessage, onWrong);
  };
  let hasEnded = false;
  const end = (): void => {
    if (hasEnded) return;
    hasEnded = true;
    take(lines.end());
    onEnd();
  };
  input.on('data', (bytes: Buffer) => {
    for (const line of lines.push(bytes)) take(line);
  });
  for (const event of ['end', 'close', 'error']) input.once(event, end);
}

function readLine(line: string, onMessage: FramesOptions['onMessage'], onWrong: FramesOptions['onWrong']): void {
  let given: unknown;
  try {
    given = JSON.parse(line);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    onWrong(wrong(null, rpcCodes.parseError, `A line is no JSON: ${reason}`));
    return;
  }
  // Several at a time, which the revision of March 2025 has; each is answered by itself.
  const list: unknown[] = Array.isArray(given) && given.length > 0 ? given : [given];
  for (const one of list) {
    const read = JSONRPCMessageSchema.safeParse(one);
    if (read.success) onMessage(read.data);
    else onWrong(wrong(idOf(one), rpcCodes.invalidRequest, 'This is no message of JSON-RPC 2.0.'));
  }
}

function idOf(message: unknown): RequestId | null {
  const id = isObject(message) ? message.id : null;
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}

const wrong = (id: RequestId | null, code: number, message: string): FrameError => ({
  jsonrpc: '2.0',
  id,
  error: { code, message },
});
