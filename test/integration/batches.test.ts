import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';

interface Asked {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** A vendor's batches and files, as far as a client gets to see them. */
async function startVendor(name: string) {
  const asked: Asked[] = [];
  const json = (response: ServerResponse, value: unknown, status = 200) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    asked.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
    const path = url.split('?')[0] ?? '';
    const results = `http://vendor.example/v1/messages/batches/msgbatch_${name}/results`;
    if (path.endsWith('/results') || path.endsWith('/content')) {
      response.writeHead(200, { 'content-type': 'application/x-jsonl' });
      response.end('{"custom_id":"a"}\n'.repeat(50_000));
    } else if (headers['x-api-key'] === 'wrong-key') json(response, { error: { message: 'not wrong-key' } }, 401);
    else if (path === '/v1/files' && method === 'POST') json(response, { id: `file-${name}`, object: 'file' });
    else if (path.startsWith('/v1/messages/batches')) {
      const batch = { id: `msgbatch_${name}`, type: 'message_batch', results_url: results };
      json(response, path === '/v1/messages/batches' && method === 'GET' ? { data: [batch], has_more: false } : batch);
    } else json(response, { id: `batch_${name}`, object: 'batch', output_file_id: `file-${name}-out` });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

let one: Awaited<ReturnType<typeof startVendor>>;
let two: typeof one;
let running: RunningEngine;
const env = { KEY_A: 'sk-first-key-of-one', KEY_B: 'sk-second-key-of-one', KEY_C: 'sk-key-of-two' };

const providers = (type: 'anthropic' | 'openai') => [
  {
    id: 'one',
    type,
    baseUrl: one.url,
    models: ['m'],
    keys: [
      { key: 'env:KEY_A', name: 'a' },
      { key: 'env:KEY_B', name: 'b' },
    ],
  },
  { id: 'two', type, baseUrl: two.url, models: ['m'], key: 'env:KEY_C' },
];

const start = async (type: 'anthropic' | 'openai', only?: string) => {
  running = await runEngine(
    { providers: providers(type).filter(({ id }) => only === undefined || id === only) },
    { env, reloads: true },
  );
};

const ask = (method: string, path: string, init: RequestInit & { headers?: Record<string, string> } = {}) =>
  fetch(running.url + path, {
    ...init,
    method,
    headers: { 'x-api-key': running.token, ...init.headers },
  });

beforeEach(async () => {
  one = await startVendor('one');
  two = await startVendor('two');
});
afterEach(async () => {
  await running.stop();
  await one.close();
  await two.close();
});

const anthropic = { 'anthropic-version': '2023-06-01', 'content-type': 'application/json' };
const batchOf = (...models: string[]) => ({
  requests: models.map((model, index) => ({
    custom_id: String(index),
    params: { model, max_tokens: 9, messages: [{ role: 'user', content: `say "model":"two/m" of ${model}` }] },
  })),
});

describe("Anthropic's batches", () => {
  it('go to the provider that their models name, without its name, and with its key instead of our token', async () => {
    await start('anthropic');
    const made = await ask('POST', '/v1/messages/batches?beta=true', {
      headers: { ...anthropic, 'anthropic-beta': 'x-1' },
      body: JSON.stringify(batchOf('two/m', 'm', 'two/n'), null, 2),
    });
    expect(made.status).toBe(200);
    expect(made.headers.get('x-cproxy-provider')).toBe('two');
    expect(one.asked).toEqual([]);
    const [asked] = two.asked;
    expect(asked).toMatchObject({ method: 'POST', url: '/v1/messages/batches?beta=true' });
    const sent = JSON.parse(asked?.body ?? '') as ReturnType<typeof batchOf>;
    expect(sent.requests.map(({ params }) => params.model)).toEqual(['m', 'm', 'n']);
    expect(sent.requests[0]?.params.messages[0]?.content).toBe('say "model":"two/m" of two/m');
    expect(asked?.headers).toMatchObject({ 'x-api-key': env.KEY_C, 'anthropic-beta': 'x-1' });
    expect(JSON.stringify(asked)).not.toContain(running.token);
  });

  it('are found again at their provider with the same key, also after a restart', async () => {
    await start('anthropic');
    const named = { headers: { ...anthropic, 'x-cproxy-provider': 'one' } };
    await ask('POST', '/v1/messages/batches', { ...named, body: JSON.stringify(batchOf('m')) });
    await running.engine.stop();
    const { token, home } = running;
    await using again = await runEngine({ providers: providers('anthropic') }, { env, home });
    const path = '/v1/messages/batches/msgbatch_one';
    for (let time = 0; time < 4; time += 1)
      await fetch(again.url + path, { headers: { ...anthropic, 'x-api-key': token } });
    expect(two.asked).toEqual([]);
    expect(one.asked).toHaveLength(5);
    expect(new Set(one.asked.map(({ headers }) => headers['x-api-key'])).size).toBe(1);
  });

  it('are asked for, listed, cancelled, deleted, and their results come through us', async () => {
    await start('anthropic', 'one');
    await ask('POST', '/v1/messages/batches', { headers: anthropic, body: JSON.stringify(batchOf('m')) });
    const at = '/v1/messages/batches/msgbatch_one';
    const batch = (await (await ask('GET', at, { headers: anthropic })).json()) as { results_url: string };
    expect(batch.results_url).toBe(`${running.url}${at}/results`);
    const list = (await (await ask('GET', '/v1/messages/batches?limit=5', { headers: anthropic })).json()) as {
      data: { results_url: string }[];
    };
    expect(list.data[0]?.results_url).toBe(batch.results_url);
    const results = await fetch(batch.results_url, { headers: { ...anthropic, 'x-api-key': running.token } });
    expect((await results.text()).length).toBe(50_000 * 18);
    expect((await ask('POST', `${at}/cancel`, { headers: anthropic })).status).toBe(200);
    expect((await ask('DELETE', at, { headers: { 'anthropic-version': '2023-06-01' } })).status).toBe(200);
    expect(one.asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /v1/messages/batches',
      `GET ${at}`,
      'GET /v1/messages/batches?limit=5',
      `GET ${at}/results`,
      `POST ${at}/cancel`,
      `DELETE ${at}`,
    ]);
    expect(one.asked[1]?.headers['x-api-key']).toBe(one.asked[0]?.headers['x-api-key']);
  });

  it('are refused where nobody or several could be meant, or one that points here', async () => {
    await start('anthropic');
    const make = (body: unknown, headers = {}) =>
      ask('POST', '/v1/messages/batches', { headers: { ...anthropic, ...headers }, body: JSON.stringify(body) });
    const several = await make(batchOf('m'));
    expect([several.status, await several.text()]).toEqual([404, expect.stringContaining('x-cproxy-provider')]);
    expect((await make(batchOf('one/m', 'two/m'))).status).toBe(400);
    expect((await make(batchOf('m'), { 'x-cproxy-provider': 'three' })).status).toBe(404);
    const openai = await ask('GET', '/v1/batches');
    expect(await openai.json()).toMatchObject({ error: { message: expect.stringContaining('of type openai') } });
    const { port } = new URL(running.url);
    await running.reconfigure({
      server: { port: Number(port) },
      providers: [{ id: 'one', type: 'anthropic', baseUrl: running.url, models: ['m'], key: 'env:KEY_A' }],
    });
    expect((await make(batchOf('m'))).status).toBe(508);
    expect([...one.asked, ...two.asked]).toEqual([]);
  });

  it("have the vendor's own errors, without its key", async () => {
    one.asked.length = 0;
    running = await runEngine(
      { providers: [{ id: 'one', type: 'anthropic', baseUrl: one.url, models: ['m'], key: 'env:BAD' }] },
      { env: { BAD: 'wrong-key' } },
    );
    const refused = await ask('GET', '/v1/messages/batches', { headers: anthropic });
    expect(refused.status).toBe(401);
    expect(await refused.text()).not.toContain('wrong-key');
  });

  it('may be no larger than 256 MB', async () => {
    await start('anthropic', 'one');
    const { status } = await new Promise<{ status: number }>((resolve, reject) => {
      import('node:http').then(({ request }) => {
        const sent = request(`${running.url}/v1/messages/batches`, {
          method: 'POST',
          headers: { ...anthropic, 'x-api-key': running.token, 'content-length': String(256 * 1024 * 1024 + 1) },
        });
        sent.once('response', ({ statusCode = 0 }) => {
          sent.destroy();
          resolve({ status: statusCode });
        });
        sent.once('error', reject);
        sent.flushHeaders();
      }, reject);
    });
    expect(status).toBe(413);
    expect(one.asked).toEqual([]);
  });
});

describe("OpenAI's batches", () => {
  it('take files, and go where their file is; what they give is there too', async () => {
    await start('openai');
    const line = (model: string) =>
      JSON.stringify({ custom_id: model, method: 'POST', url: '/v1/chat/completions', body: { model, messages: [] } });
    const form = new FormData();
    form.set('purpose', 'batch');
    form.set('file', new Blob([`${line('two/m')}\n${line('m')}\n`]), 'x.jsonl');
    const file = (await (await ask('POST', '/v1/files', { body: form })).json()) as { id: string };
    expect(file.id).toBe('file-two');
    expect(two.asked[0]?.body).toContain(
      `${line('m').replace('"custom_id":"m"', '"custom_id":"two/m"')}\n${line('m')}\n`,
    );
    expect(two.asked[0]?.headers['content-type']).toContain('multipart/form-data; boundary=');
    const order = { input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' };
    const headers = { 'content-type': 'application/json' };
    const batch = (await (await ask('POST', '/v1/batches', { headers, body: JSON.stringify(order) })).json()) as {
      id: string;
      output_file_id: string;
    };
    expect(batch.id).toBe('batch_two');
    expect((await ask('GET', `/v1/batches/${batch.id}`)).status).toBe(200);
    expect((await (await ask('GET', `/v1/files/${batch.output_file_id}/content`)).text()).length).toBe(50_000 * 18);
    expect((await ask('POST', `/v1/batches/${batch.id}/cancel`)).status).toBe(200);
    expect((await ask('DELETE', `/v1/files/${file.id}`)).status).toBe(200);
    expect(one.asked).toEqual([]);
    expect(two.asked.map(({ headers: { authorization } }) => authorization)).toEqual(
      Array.from({ length: 6 }, () => `Bearer ${env.KEY_C}`),
    );
    expect(JSON.stringify(two.asked)).not.toContain(running.token);
  });
});
