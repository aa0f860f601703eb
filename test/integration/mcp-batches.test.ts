import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src-shared/config.ts';
import { connectMcp, type McpClient, textOf } from '../helpers/mcp-client.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { type OtherScript, raw, type ScriptableUpstream, startUpstream } from '../helpers/scriptable-upstream.ts';

let upstream: ScriptableUpstream;
let running: RunningEngine;
let mcp: McpClient;
let isDone = false;

const json = (value: unknown, status = 200) =>
  raw(status, JSON.stringify(value), { 'content-type': 'application/json' });
const lines = (...values: unknown[]) =>
  raw(200, values.map((value) => JSON.stringify(value)).join('\n'), { 'content-type': 'application/x-jsonl' });

/** What Anthropic and OpenAI answer about batches. */
const vendors: OtherScript = ({ method, path }) => {
  const counts = { processing: isDone ? 0 : 2, succeeded: isDone ? 1 : 0, errored: isDone ? 1 : 0 };
  const message = {
    ...{ id: 'msgbatch_1', type: 'message_batch', processing_status: isDone ? 'ended' : 'in_progress' },
    ...{ request_counts: counts, expires_at: '2026-11-24T12:00:00Z' },
  };
  const batch = {
    ...{ id: 'batch_1', object: 'batch', status: isDone ? 'completed' : 'validating', expires_at: 1_800_000_000 },
    ...{ request_counts: { total: 1, completed: 1, failed: 0 }, ...(isDone ? { output_file_id: 'file-out' } : {}) },
  };
  switch (`${method} ${path}`) {
    case 'POST /v1/messages/batches':
    case 'GET /v1/messages/batches/msgbatch_1':
      return json(message);
    case 'GET /v1/messages/batches/msgbatch_1/results':
      return lines(
        { custom_id: 'a', result: { type: 'succeeded', message: { content: [{ type: 'text', text: 'Answer A' }] } } },
        { custom_id: 'b', result: { type: 'errored', error: { message: 'overloaded' } } },
      );
    case 'GET /v1/messages/batches/msgbatch_none':
      return json({ error: { type: 'not_found_error', message: 'no such batch' } }, 404);
    case 'POST /v1/files':
      return json({ id: 'file-in', object: 'file' });
    case 'POST /v1/batches':
    case 'GET /v1/batches/batch_1':
      return json(batch);
    case 'GET /v1/files/file-out/content':
      return lines({ custom_id: 'a', response: { body: { choices: [{ message: { content: 'Answer A' } }] } } });
    default:
      return null;
  }
};

const start = async (providers: readonly ('anthropic' | 'openai')[]): Promise<void> => {
  const config: ConfigInput = {
    providers: providers.map((type) => ({
      ...{ id: type, type, baseUrl: upstream.url, models: ['m'], key: 'env:THE_KEY' },
    })),
  };
  running = await runEngine(config, { env: { THE_KEY: 'sk-of-the-vendor' } });
  mcp = await connectMcp(running);
};

beforeEach(async () => {
  isDone = false;
  upstream = await startUpstream({ other: vendors });
});
afterEach(async () => {
  await mcp[Symbol.asyncDispose]();
  await running.stop();
  await upstream.close();
});

const requests = [
  { id: 'a', prompt: 'First' },
  { id: 'b', prompt: 'Second' },
];

describe('batches', () => {
  it('of Anthropic are handed over, watched, and their answers given', async () => {
    await start(['anthropic']);
    const sent = await mcp.value('submit_batch', { requests, model: 'anthropic/m', system: 'Be brief' });
    expect(sent).toEqual({
      ...{ batch_id: 'msgbatch_1', provider: 'anthropic', status: 'in_progress', done: false },
      ...{ counts: { processing: 2, succeeded: 0, errored: 0 }, expires_at: '2026-11-24T12:00:00.000Z' },
    });
    const [asked] = upstream.requests;
    expect(asked?.json).toMatchObject({
      requests: [
        {
          custom_id: 'a',
          params: { model: 'm', system: 'Be brief', max_tokens: 4096, messages: [{ role: 'user', content: 'First' }] },
        },
        { custom_id: 'b' },
      ],
    });
    expect(await mcp.value('batch_status', { batch_id: 'msgbatch_1' })).toMatchObject({ done: false, results: [] });
    isDone = true;
    expect(await mcp.value('batch_status', { batch_id: 'msgbatch_1', limit: 1 })).toMatchObject({
      ...{ done: true, results_total: 2, results: [{ id: 'a', text: 'Answer A', error: null }] },
    });
    const rest = await mcp.value('batch_status', { batch_id: 'msgbatch_1', offset: 1 });
    expect(rest.results).toMatchObject([{ id: 'b', text: null, error: expect.stringContaining('overloaded') }]);
  });

  it('of OpenAI are made of a file', async () => {
    await start(['openai']);
    const sent = await mcp.value('submit_batch', { requests: requests.slice(0, 1), model: 'openai/m' });
    expect(sent).toMatchObject({ batch_id: 'batch_1', provider: 'openai', status: 'validating', done: false });
    const [file, order] = upstream.requests;
    expect(file?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
    expect(file?.text).toContain('{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m"');
    expect(order?.json).toEqual({
      ...{ input_file_id: 'file-in', endpoint: '/v1/chat/completions', completion_window: '24h' },
    });
    isDone = true;
    expect(await mcp.value('batch_status', { batch_id: 'batch_1' })).toMatchObject({
      ...{ done: true, results: [{ id: 'a', text: 'Answer A' }], expires_at: '2027-01-15T08:00:00.000Z' },
    });
  });

  it('go to the provider that is meant, and say so where several may be, or none is', async () => {
    await start(['anthropic', 'openai']);
    expect(textOf(await mcp.call('submit_batch', { requests, model: 'm' }))).toContain('anthropic, openai');
    expect(await mcp.value('submit_batch', { requests, model: 'm', provider: 'openai' })).toMatchObject({
      batch_id: 'batch_1',
    });
    const nobody = await mcp.call('submit_batch', { requests, model: 'm', provider: 'nobody' });
    expect(nobody).toMatchObject({ isError: true, _meta: { 'cproxy/error': { name: 'no_batches' } } });
    const unknown = await mcp.call('batch_status', { batch_id: 'msgbatch_none' });
    expect(unknown.isError).toBe(true);
    expect(textOf(unknown)).toContain('HTTP 404: no such batch');
  });
});
