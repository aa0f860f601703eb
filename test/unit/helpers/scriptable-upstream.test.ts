import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  answer,
  callTools,
  close,
  closedPort,
  fail,
  garbage,
  hang,
  inPieces,
  redirect,
  type ScriptableUpstream,
  say,
  startUpstream,
} from '../../helpers/scriptable-upstream.ts';

let upstream: ScriptableUpstream;
beforeEach(async () => {
  upstream = await startUpstream();
});
afterEach(() => upstream.close());

const post = (path: string, body: Record<string, unknown>, init: RequestInit = {}) =>
  fetch(upstream.url + path, { method: 'POST', body: JSON.stringify(body), redirect: 'manual', ...init });

const messages = (stream: boolean) => post('/v1/messages?beta=true', { model: 'm', stream });
const chat = (stream: boolean) =>
  post('/v1/chat/completions', { model: 'm', stream, stream_options: { include_usage: true } });

/** Data of all frames of a stream, by the line rules of server-sent events. */
const dataOf = async (response: Response): Promise<unknown[]> =>
  (await response.text())
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]')
    .map((line) => JSON.parse(line.slice(6)) as unknown);

describe('scriptable upstream', () => {
  it('gives the same answer streamed and whole, in both protocols', async () => {
    upstream.script(() =>
      answer([
        { type: 'thinking', text: 'let me see' },
        { type: 'text', text: 'héllo 🌍' },
        { type: 'tool_use', id: 'a', name: 'Bash', input: { command: 'ls' } },
      ]),
    );
    const whole = (await (await messages(false)).json()) as { content: unknown[]; stop_reason: string };
    expect(whole.stop_reason).toBe('tool_use');
    expect(whole.content).toHaveLength(3);
    const streamed = JSON.stringify(await dataOf(await messages(true)));
    expect(streamed).toContain('héllo 🌍');
    expect(streamed).toContain('"stop_reason":"tool_use"');

    const completion = (await (await chat(false)).json()) as { choices: { finish_reason: string }[] };
    expect(completion.choices[0]?.finish_reason).toBe('tool_calls');
    const chunks = JSON.stringify(await dataOf(await chat(true)));
    expect(chunks).toContain('"reasoning_content":"let me see"');
    expect(chunks).toContain('"prompt_tokens":25');
  });

  it('streams the same data in pieces, with CRLF, comments and pings, whatever the seed', async () => {
    const step = (wire: Parameters<typeof callTools>[1]) =>
      callTools(
        [
          { id: 'a', name: 'Read', input: { path: 'ä.txt' } },
          { id: 'b', name: 'Bash', input: { command: 'printf 日本' } },
        ],
        wire,
      );
    const argumentsOf = (frames: unknown[], index: number) =>
      frames
        .flatMap((frame) => (frame as { choices: { delta: { tool_calls?: ToolDelta[] } }[] }).choices)
        .flatMap((choice) => choice.delta.tool_calls ?? [])
        .filter((call) => call.index === index)
        .map((call) => call.function.arguments)
        .join('');
    type ToolDelta = { index: number; function: { arguments: string } };
    for (const seed of [1, 2, 3, 4]) {
      upstream.queue(step(inPieces(seed)));
      const frames = await dataOf(await chat(true));
      expect(argumentsOf(frames, 0)).toBe('{"path":"ä.txt"}');
      expect(argumentsOf(frames, 1)).toBe('{"command":"printf 日本"}');
    }
  });

  it('delivers single bytes as single chunks', async () => {
    upstream.queue(say('é', { chunkBytes: 1 }));
    const response = await messages(true);
    const sizes: number[] = [];
    for await (const chunk of response.body ?? []) sizes.push(chunk.length);
    expect(Math.min(...sizes)).toBe(1);
    expect(sizes.length).toBeGreaterThan(100);
  });

  it('compresses when told to', async () => {
    upstream.queue(say('squeezed', { gzip: true }));
    const response = await messages(true);
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(JSON.stringify(await dataOf(response))).toContain('squeezed');
  });

  it('fails, redirects, sends garbage, breaks off and refuses', async () => {
    upstream.queue(
      fail(429, { headers: { 'retry-after': '7' } }),
      redirect('http://elsewhere.test/'),
      garbage(),
      close(),
    );
    const limited = await messages(true);
    expect(limited.status).toBe(429);
    expect(limited.headers.get('retry-after')).toBe('7');
    expect(await limited.json()).toMatchObject({ type: 'error', error: { type: 'rate_limit_error' } });
    expect((await messages(true)).status).toBe(307);
    expect(new Uint8Array(await (await messages(true)).arrayBuffer())[0]).toBe(0xff);
    await expect(messages(true)).rejects.toThrow();
    await expect(fetch(`http://127.0.0.1:${await closedPort()}/`)).rejects.toThrow();
    expect(upstream.asked.map((request) => request.aborted)).toEqual([false, false, false, false]);
  });

  it('ends a stream early in each way', async () => {
    upstream.queue(
      say('one two three', { fragment: 3, breakAfter: { frames: 3, how: 'end' } }),
      say('one two three', { fragment: 3, breakAfter: { frames: 3, how: 'reset' } }),
      say('one two three', { errorAfter: { frames: 2 } }),
      say('no finish', { omitFinish: true }),
    );
    expect(await dataOf(await messages(true))).toHaveLength(3);
    await expect(messages(true).then((response) => response.text())).rejects.toThrow();
    expect((await dataOf(await messages(true))).at(-1)).toMatchObject({ type: 'error' });
    expect(JSON.stringify(await dataOf(await messages(true)))).not.toContain('message_stop');
  });

  it('records bytes, headers and the moment a client leaves', async () => {
    upstream.queue(hang());
    const leaving = new AbortController();
    const pending = post('/v1/messages', { model: 'héé' }, { signal: leaving.signal, headers: { 'X-Odd': 'yes' } });
    pending.catch(() => undefined);
    const [request] = await upstream.waitFor(1);
    expect(request?.text).toBe('{"model":"héé"}');
    expect(request?.rawHeaders).toContain('yes');
    expect(request?.aborted).toBe(false);
    leaving.abort();
    await request?.ended;
    expect(request?.aborted).toBe(true);
    expect(request?.abortedAt).toBeGreaterThanOrEqual(request?.receivedAt ?? Number.POSITIVE_INFINITY);
  });
});
