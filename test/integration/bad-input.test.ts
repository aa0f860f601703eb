import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { type ScriptableUpstream, startUpstream } from '../helpers/scriptable-upstream.ts';

let upstream: ScriptableUpstream;
let running: RunningEngine;

beforeAll(async () => {
  upstream = await startUpstream();
  running = await runEngine({
    providers: [
      { id: 'claude', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['native'] },
      { id: 'chat', type: 'openai-compatible', baseUrl: upstream.url, models: ['other'] },
    ],
    server: { allowedHosts: ['cproxy.test'], allowedOrigins: ['https://trusted.test'] },
  });
});
afterAll(async () => {
  await running.stop();
  await upstream.close();
});

interface Raw {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** A request whose Host and other headers are ours to choose. */
function ask(options: {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  body?: string;
}): Promise<Raw> {
  const { port } = new URL(running.url);
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port,
        method: options.method ?? 'POST',
        path: options.path ?? '/v1/messages',
        headers: { authorization: `Bearer ${running.token}`, ...options.headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    request.on('error', reject);
    request.end(options.body ?? JSON.stringify(question('x', { model: 'native' })));
  });
}

const messageOf = ({ body }: Raw): string => {
  const value = JSON.parse(body) as { type: string; error: { type: string; message: string }; request_id: string };
  expect(value.type).toBe('error');
  expect(value.request_id).toMatch(/^req_/);
  return `${value.error.type}: ${value.error.message}`;
};

describe('a body that cannot be read', () => {
  it.each([
    ['', 'invalid_request_error: The request body is not valid JSON: it is empty'],
    ['{"model":', 'not valid JSON'],
    ['[]', 'body: must be a JSON object'],
    ['"text"', 'body: must be a JSON object'],
    ['null', 'body: must be a JSON object'],
    ['{}', 'model: is required'],
    ['{"model":5}', 'model: must be a non-empty string'],
    ['{"model":"native","stream":"yes"}', 'stream: must be a boolean'],
    ['{"model":"native","messages":"hi"}', 'messages: must be an array'],
    ['{"model":"other"}', 'messages: is required'],
    ['{"model":"other","messages":[]}', 'messages: at least one message is required'],
    ['{"model":"other","messages":[5]}', 'messages.0: must be an object'],
    [
      '{"model":"other","messages":[{"role":"robot","content":"x"}]}',
      "messages.0.role: must be 'user', 'assistant' or 'system'",
    ],
    ['{"model":"other","messages":[{"role":"user"}]}', 'messages.0.content: is required'],
    [
      '{"model":"other","messages":[{"role":"user","content":[{"type":"text"}]}]}',
      'messages.0.content.0.text: is required',
    ],
    [
      '{"model":"other","messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64"}}]}]}',
      'messages.0.content.0.source.data: is required',
    ],
    [
      '{"model":"other","messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[7]}]}]}',
      'messages.0.content.0.content.0: must be an object',
    ],
    ['{"model":"other","messages":[{"role":"user","content":"x"}],"tools":{}}', 'tools: must be an array'],
    ['{"model":"other","messages":[{"role":"user","content":"x"}],"max_tokens":"9"}', 'max_tokens: must be a number'],
    [
      '{"model":"other","messages":[{"role":"user","content":"x"}],"stop_sequences":[1]}',
      'stop_sequences: must be an array of strings',
    ],
    [
      '{"model":"other","messages":[{"role":"user","content":"x"}],"system":[{"type":"text"}]}',
      'system.0.text: is required',
    ],
  ])('%s', async (body, message) => {
    const answer = await ask({ body });
    expect(answer.status).toBe(400);
    expect(messageOf(answer)).toContain(message);
    expect(answer.headers['x-should-retry']).toBe('false');
  });

  it('33 MB is too large, with the limit named', async () => {
    const body = JSON.stringify(question('x'.repeat(33 * 1024 * 1024), { model: 'native' }));
    const response = await running.ask(body);
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({
      error: { type: 'request_too_large', message: expect.stringContaining('33 MB') },
    });
  });

  it('31 MB is not', async () => {
    const response = await running.ask(question('x'.repeat(31 * 1024 * 1024), { model: 'native' }));
    expect(response.status).toBe(200);
    await response.text();
  });

  it('compressed is refused in words', async () => {
    const answer = await ask({ headers: { 'content-encoding': 'gzip' } });
    expect(answer.status).toBe(400);
    expect(messageOf(answer)).toContain('uncompressed');
  });

  it('a client that stops in the middle leaves nothing behind', async () => {
    const { port, hostname } = new URL(running.url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.write(
      `POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${running.token}\r\nContent-Length: 1000\r\n\r\n{"model":`,
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    expect((await ask({})).status).toBe(200);
  });
});

describe('what only a translation, an estimate or the demo reads', () => {
  const turn = (block: Record<string, unknown>) => ({ messages: [{ role: 'user', content: [block] }] });

  it.each([
    [turn({ type: 'search_result', title: 't', source: 's', content: 'text' }), 'messages.0.content.0.content'],
    [{ metadata: { user_id: 5 } }, 'metadata.user_id'],
    [{ output_config: { format: { type: 'json_schema', schema: null } } }, 'output_config.format.schema'],
    [{ tools: [{ name: 'a', type: 5 }] }, 'tools.0.type'],
  ] as [Record<string, unknown>, string][])('%j is refused, naming the field', async (rest, field) => {
    const answer = await ask({ body: JSON.stringify(question('x', { model: 'other', ...rest })) });
    expect(answer.status).toBe(400);
    expect(messageOf(answer)).toContain(`invalid_request_error: ${field}: must be`);
  });

  it.each([{ system: null }, { tools: null }, turn({ type: 'tool_result', tool_use_id: 'a', content: null })])(
    '%j leaves out what may be left out',
    async (rest) => {
      for (const path of ['/v1/messages', '/v1/messages/count_tokens'])
        expect((await ask({ path, body: JSON.stringify(question('x', { model: 'demo', ...rest })) })).status).toBe(200);
    },
  );

  it('a body whose inside is no JSON is refused by the demo too', async () => {
    const answer = await ask({ body: '{"model":"demo","messages":[{bad}]}' });
    expect(answer.status).toBe(400);
    expect(messageOf(answer)).toContain('not valid JSON');
  });

  it('a model may be named in any script', async () => {
    for (const provider of ['claude', 'chat']) {
      const answer = await ask({ body: JSON.stringify(question('x', { model: `${provider}/日本 ✓` })) });
      expect(answer.status).toBe(200);
      expect(decodeURIComponent(String(answer.headers['x-cproxy-model']))).toBe('日本 ✓');
    }
  });
});

describe('who asks', () => {
  const withToken = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${running.url}/v1/models`, { headers });

  it('any of the three headers opens the door', async () => {
    for (const headers of [
      { 'x-cproxy-token': running.token },
      { 'x-api-key': running.token },
      { authorization: `Bearer ${running.token}` },
      { authorization: `bearer ${running.token}` },
      { authorization: 'Bearer ', 'x-api-key': running.token },
      { authorization: 'Bearer sk-ant-of-the-client', 'x-cproxy-token': running.token },
    ])
      expect((await withToken(headers)).status).toBe(200);
  });

  it.each([
    [{}, 'No client token was sent'],
    [{ authorization: 'Bearer ', 'x-api-key': '' }, 'No client token was sent'],
    [{ authorization: 'Bearer wrong' }, "is not one of CProxy's"],
    [{ 'x-api-key': 'cpx_wrong' }, "is not one of CProxy's"],
    [{ authorization: 'Basic abc' }, 'No client token was sent'],
  ] as [Record<string, string>, string][])('%j is refused, once and for all', async (headers, message) => {
    const response = await withToken(headers);
    expect(response.status).toBe(401);
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(await response.text()).toContain(message);
  });

  it('however the path of a door is written, it needs the token', async () => {
    const headers = { authorization: '' };
    for (const path of ['/%76%31/messages', '/v%31/messages', `${running.url}/v1/messages`]) {
      expect((await ask({ path, headers })).status).toBe(401);
      expect((await ask({ path })).status).toBe(200);
    }
    expect((await ask({ method: 'GET', path: '/%761/models', headers, body: '' })).status).toBe(401);
  });

  it('a foreign Host or Origin is refused, before the token is looked at', async () => {
    const rebound = await ask({ headers: { host: 'evil.test' } });
    expect(rebound.status).toBe(403);
    expect(messageOf(rebound)).toContain("'evil.test'");
    const page = await ask({ headers: { origin: 'https://evil.test' } });
    expect(page.status).toBe(403);
    expect(messageOf(page)).toContain('https://evil.test');
    expect((await ask({ headers: { origin: 'null' } })).status).toBe(403);
    for (const host of ['localhost:1', '127.0.0.1', '[::1]:9', 'cproxy.test'])
      expect((await ask({ headers: { host } })).status).toBe(200);
    for (const host of ['[::1evil', '[::1]evil', 'localhost:1:2'])
      expect((await ask({ headers: { host } })).status).toBe(403);
    for (const path of ['/health', '/', '/ui/', '/api/rpc/status'])
      expect((await ask({ method: 'GET', path, headers: { host: 'evil.test' }, body: '' })).status).toBe(403);
  });

  it('an allowed origin may call, and gets its CORS headers', async () => {
    const preflight = await ask({
      method: 'OPTIONS',
      headers: { origin: 'https://trusted.test', 'access-control-request-headers': 'x-api-key', authorization: '' },
      body: '',
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-origin']).toBe('https://trusted.test');
    const { headers } = await ask({ headers: { origin: 'https://trusted.test' } });
    expect(headers['access-control-allow-origin']).toBe('https://trusted.test');
    // What SDKs in a page read to know whether, and when, to ask again.
    expect(headers['access-control-expose-headers']).toMatch(/x-should-retry, retry-after/);
  });
});

describe('where there is nothing', () => {
  it('the path and what is served are named', async () => {
    const answer = await ask({ path: '/v1/v1/messages' });
    expect(answer.status).toBe(404);
    expect(messageOf(answer)).toContain('POST /v1/v1/messages');
  });
  it('the right method is named', async () => {
    const answer = await ask({ method: 'GET', path: '/v1/messages', body: '' });
    expect(answer.status).toBe(405);
    expect(messageOf(answer)).toContain('use POST');
    expect(answer.headers.allow).toBe('POST');
  });
  it('a path that is none is told in the same envelope', async () => {
    const answer = await ask({ method: 'GET', path: '/%E0%A4%A', body: '' });
    expect(answer.status).toBe(400);
    expect(messageOf(answer)).toContain('path: is not a valid URL path');
  });
  it('an unknown model is a 404 that names near ones', async () => {
    const answer = await ask({ body: JSON.stringify(question('x', { model: 'claude/nativ3' })) });
    expect(answer.status).toBe(200);
    const unknown = await ask({ body: JSON.stringify(question('x', { model: 'natve' })) });
    expect(unknown.status).toBe(404);
    expect(messageOf(unknown)).toContain('claude/native');
  });
  it('HEAD / and GET / and /health answer anyone', async () => {
    expect((await ask({ method: 'HEAD', path: '/', headers: { authorization: '' }, body: '' })).status).toBe(200);
    expect((await ask({ method: 'GET', path: '/', headers: { authorization: '' }, body: '' })).body).toMatch(
      /^CProxy .* is running/,
    );
    expect(
      JSON.parse((await ask({ method: 'GET', path: '/health', headers: { authorization: '' }, body: '' })).body),
    ).toMatchObject({ name: 'cproxy', state: 'running', pid: process.pid });
    expect((await ask({ method: 'GET', path: '/health/ready', headers: { authorization: '' }, body: '' })).status).toBe(
      200,
    );
  });
});
