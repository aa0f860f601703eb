import { STATUS_CODES } from 'node:http';
import type { BodyView, KeptBodiesView } from '../../src-shared/recording.ts';
import type { RequestRow } from '../../src-shared/requests.ts';

/** What stands before the entries of a HAR file, and behind them. */
export const harBeginning = (version: string): string =>
  `{"log":{"version":"1.2","creator":${JSON.stringify({ name: 'CProxy', version })},"entries":[\n`;
export const HAR_END = '\n]}}\n';

interface NameAndValue {
  name: string;
  value: string;
}

/** A request as HAR 1.2 has it (http://www.softwareishard.com/blog/har-12-spec/). Times in ms, sizes in bytes. */
export interface HarEntry {
  startedDateTime: string;
  time: number;
  request: {
    method: 'POST';
    url: string;
    httpVersion: string;
    cookies: [];
    headers: NameAndValue[];
    queryString: NameAndValue[];
    postData?: { mimeType: string; text: string; comment?: string };
    headersSize: -1;
    bodySize: number;
  };
  response: {
    /** 0: the client was sent nothing. */
    status: number;
    statusText: string;
    httpVersion: string;
    cookies: [];
    headers: NameAndValue[];
    content: { size: number; mimeType: string; text?: string; encoding?: 'base64'; comment?: string };
    redirectURL: string;
    headersSize: -1;
    bodySize: number;
  };
  cache: Record<string, never>;
  timings: { blocked: number; send: 0; wait: number; receive: number };
  comment: string;
  /** The row of the log: attempts, tokens, cost. */
  _cproxy: Omit<RequestRow, 'trace'>;
}

/** @param endpoint such as `http://127.0.0.1:4777`. @param bodies null: none are kept, or none were asked for. */
export function harEntry({ trace: _, ...row }: RequestRow, bodies: KeptBodiesView | null, endpoint: string): HarEntry {
  const url = new URL((bodies?.path ?? row.path).replace(/^\/*/, '/'), endpoint);
  const ended = row.endedMs ?? 0;
  const blocked = Math.min(row.queuedMs, ended);
  const firstContent = Math.min(Math.max(row.firstContentMs ?? ended, blocked), ended);
  const timings = { blocked, send: 0, wait: firstContent - blocked, receive: ended - firstContent } as const;
  const asked = bodies?.request ?? null;
  const answer = bodies?.answer ?? null;
  const answerType = bodies?.answerHeaders['content-type'] ?? (row.stream ? 'text/event-stream' : 'application/json');
  return {
    startedDateTime: new Date(row.startedAt).toISOString(),
    time: timings.blocked + timings.wait + timings.receive,
    request: {
      method: 'POST',
      url: url.href,
      httpVersion: 'HTTP/1.1',
      cookies: [],
      headers: listed(bodies?.requestHeaders ?? {}),
      queryString: [...url.searchParams].map(([name, value]) => ({ name, value })),
      ...(asked === null
        ? {}
        : { postData: { mimeType: bodies?.requestHeaders['content-type'] ?? 'application/json', ...postData(asked) } }),
      headersSize: -1,
      bodySize: row.requestBytes,
    },
    response: {
      status: row.status ?? 0,
      statusText: row.status === null ? '' : (STATUS_CODES[row.status] ?? ''),
      httpVersion: 'HTTP/1.1',
      cookies: [],
      headers: listed(bodies?.answerHeaders ?? {}),
      content: {
        size: answer?.bytes ?? row.answerBytes,
        mimeType: answerType,
        ...(answer === null ? {} : content(answer)),
      },
      redirectURL: '',
      headersSize: -1,
      bodySize: row.answerBytes,
    },
    cache: {},
    timings,
    comment: commentOn(row),
    _cproxy: row,
  };
}

const listed = (headers: Readonly<Record<string, string>>): NameAndValue[] =>
  Object.entries(headers).map(([name, value]) => ({ name, value }));

const CUT = 'Only the beginning was kept.';

/** HAR has no encoding for what is sent: where it is no text, that is said. */
function postData({ text, encoding, truncated }: BodyView): { text: string; comment?: string } {
  const comments = [...(truncated ? [CUT] : []), ...(encoding === 'base64' ? ['In base64.'] : [])];
  return { text, ...(comments.length === 0 ? {} : { comment: comments.join(' ') }) };
}

const content = ({ text, encoding, truncated }: BodyView): { text: string; encoding?: 'base64'; comment?: string } => ({
  text,
  ...(encoding === 'base64' ? { encoding } : {}),
  ...(truncated ? { comment: CUT } : {}),
});

function commentOn({ id, state, error, askedModel, attempts }: Omit<RequestRow, 'trace'>): string {
  const last = attempts.at(-1);
  const by = last === undefined ? '' : ` by ${last.provider}/${last.model}`;
  return `${id}: ${askedModel}, ${state}${by}${error === null ? '' : ` (${error.code})`}`;
}
