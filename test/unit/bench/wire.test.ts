import { describe, expect, it } from 'vitest';
import { MessageReader } from '../../bench/wire.ts';

interface Message {
  head: string;
  body: string;
}

/** What a reader makes of the bytes when they arrive in pieces of the given size. */
function read(text: string, pieceLength: number): Message[] {
  const messages: Message[] = [];
  let open: Message = { head: '', body: '' };
  const reader = new MessageReader({
    head(head) {
      open = { head, body: '' };
    },
    body(bytes) {
      open.body += bytes.toString();
    },
    end() {
      messages.push(open);
    },
  });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceLength) reader.push(bytes.subarray(at, at + pieceLength));
  return messages;
}

const sized = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n';

describe('MessageReader', () => {
  it.each([1, 2, 3, 7, 1000])('finds the end of a sized body in pieces of %i bytes', (length) => {
    expect(read(sized, length)).toEqual([{ head: 'http/1.1 200 ok\r\ncontent-length: 5', body: 'hello' }]);
  });

  it.each([1, 2, 3, 7, 1000])('finds the end of a chunked body in pieces of %i bytes', (length) => {
    const [message, ...others] = read(chunked, length);
    expect(message?.body).toBe('5\r\nhello\r\n0\r\n\r\n');
    expect(others).toEqual([]);
  });

  it('reads one message after the other on a connection', () => {
    const piece = 1;
    expect(read(sized + chunked + sized, piece).map((message) => message.body.length)).toEqual([5, 15, 5]);
  });

  it('ends a chunked body that has no chunk but the last', () => {
    expect(read('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 1000)).toHaveLength(1);
    expect(read('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 1)).toHaveLength(1);
  });

  it('takes a request without a length for one without a body', () => {
    expect(read('GET / HTTP/1.1\r\nHost: x\r\n\r\n', 1000)).toEqual([{ head: 'get / http/1.1\r\nhost: x', body: '' }]);
  });

  it('refuses an answer whose end it could not see', () => {
    expect(() => read('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello', 1000)).toThrow('without content-length');
  });
});
