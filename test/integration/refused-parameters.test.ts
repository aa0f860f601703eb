import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Middleware } from '../../src-main/pipeline/middleware.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import { contentOf } from '../helpers/answers.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import {
  raw,
  type ScriptableUpstream,
  say,
  startUpstream,
  type UpstreamRequest,
} from '../helpers/scriptable-upstream.ts';

let upstream: ScriptableUpstream;
let running: RunningEngine;
const rows: RequestRow[] = [];

beforeAll(async () => {
  upstream = await startUpstream();
  const keepRow: Middleware = {
    name: 'rows',
    request: async ({ row }, next) => {
      rows.push(row);
      await next();
    },
  };
  running = await runEngine(
    {
      providers: [
        { id: 'chat', type: 'openai-compatible', baseUrl: upstream.url },
        { id: 'native', type: 'anthropic-compatible', baseUrl: upstream.url },
        { id: 'responses', type: 'openai-compatible', baseUrl: upstream.url, protocols: ['openai-responses'] },
      ],
    },
    { middleware: [keepRow] },
  );
});
beforeEach(() => upstream.reset());
afterAll(async () => {
  await running.stop();
  await upstream.close();
});

const openaiError = (message: string, param: string | null = null, code: string | null = null) =>
  raw(400, JSON.stringify({ error: { message, type: 'invalid_request_error', param, code } }), {
    'content-type': 'application/json',
  });

/** Refuses the given parameters as OpenAI does, the first that is there. */
function refusing(...names: string[]): void {
  upstream.script((request) => {
    const name = names.find((one) => request.json[one] !== undefined);
    return name === undefined
      ? say('ok')
      : openaiError(
          `Unsupported parameter: '${name}' is not supported with this model.`,
          name,
          'unsupported_parameter',
        );
  });
}

const bodies = (): Record<string, unknown>[] => upstream.asked.map((request: UpstreamRequest) => request.json);
const ask = async (model: string, rest: Record<string, unknown> = {}) => {
  const response = await running.ask(question('hi', { model, ...rest }));
  return { response, text: await response.text() };
};
describe('a parameter that a model refuses', () => {
  it('is left out at once and remembered; the client sees nothing', async () => {
    refusing('temperature');
    const first = await ask('chat/picky', { temperature: 0.2, top_p: 0.9, stream: true });
    expect(first.response.status).toBe(200);
    expect(first.response.headers.get('x-cproxy-attempts')).toBe('1');
    expect(contentOf(first.text)).toEqual([{ type: 'text', text: 'ok' }]);
    expect(bodies().map(({ temperature, top_p }) => ({ temperature, top_p }))).toEqual([
      { temperature: 0.2, top_p: 0.9 },
      { temperature: undefined, top_p: 0.9 },
    ]);

    upstream.reset();
    expect((await ask('chat/picky', { temperature: 0.3 })).response.status).toBe(200);
    expect(bodies().map(({ temperature }) => temperature)).toEqual([undefined]);
  });

  it('of one model is still sent to another', async () => {
    refusing('temperature');
    await ask('chat/one', { temperature: 0.2 });
    upstream.reset();
    upstream.script(() => say('ok'));
    await ask('chat/other', { temperature: 0.2 });
    expect(bodies().map(({ temperature }) => temperature)).toEqual([0.2]);
  });

  it('may be one of several in a row', async () => {
    refusing('temperature', 'top_p');
    expect((await ask('chat/very-picky', { temperature: 0.2, top_p: 0.5 })).response.status).toBe(200);
    expect(bodies().map(({ temperature, top_p }) => [temperature, top_p])).toEqual([
      [0.2, 0.5],
      [undefined, 0.5],
      [undefined, undefined],
    ]);
  });

  it('may have another name', async () => {
    refusing('max_tokens');
    await ask('chat/reasoner');
    expect(bodies().map(({ max_tokens, max_completion_tokens }) => [max_tokens, max_completion_tokens])).toEqual([
      [256, undefined],
      [undefined, 256],
    ]);
  });

  it('that is refused all the same is an error after one more try', async () => {
    upstream.script(() => openaiError("Unsupported parameter: 'max_tokens' is not supported with this model."));
    const { response, text } = await ask('chat/stubborn');
    expect(response.status).toBe(400);
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(text).toContain("'max_tokens' is not supported");
    expect(upstream.asked).toHaveLength(2);
  });

  it('without which the request would be another is not left out', async () => {
    upstream.script(() =>
      openaiError("Unsupported parameter: 'tools' is not supported with this model.", 'tools', 'unsupported_parameter'),
    );
    const tools = [{ name: 'Bash', input_schema: { type: 'object' } }];
    expect((await ask('chat/no-tools', { tools })).response.status).toBe(400);
    expect(upstream.asked).toHaveLength(1);
  });

  it('of Anthropic’s own dialect is for the client to see: it recovers by the wording', async () => {
    const given =
      '{"type":"error","error":{"type":"invalid_request_error","message":"`temperature` is deprecated for this model."}}';
    upstream.script(() => raw(400, given, { 'content-type': 'application/json' }));
    const { response, text } = await ask('native/claude', { temperature: 0.2 });
    expect(response.status).toBe(400);
    expect(text).toBe(given);
    expect(upstream.asked).toHaveLength(1);
  });

  it('is in the trace', async () => {
    refusing('temperature');
    await ask('chat/traced', { temperature: 0.2 });
    expect(rows.at(-1)?.trace).toContainEqual({
      step: 'parameter refused',
      detail: "chat/traced does not take 'temperature': asked again, and from now on, without it",
    });
  });
});

describe('passed through', () => {
  it('an Anthropic request is never changed, whatever was learnt from translated ones', async () => {
    upstream.script((request) =>
      request.json.temperature === undefined
        ? say('ok')
        : raw(
            400,
            '{"type":"error","error":{"type":"invalid_request_error","message":"temperature: Extra inputs are not permitted"}}',
          ),
    );
    const messages = [{ role: 'user', content: 'hi' }];
    const translated = await running.ask(
      { model: 'native/new', messages, temperature: 0.2 },
      { path: '/v1/chat/completions' },
    );
    expect(translated.status).toBe(200);
    expect((await ask('native/new', { temperature: 0.2 })).response.status).toBe(400);
    expect(bodies().map(({ temperature }) => temperature)).toEqual([0.2, undefined, 0.2]);
  });

  const post = async (path: string, body: string) => {
    const response = await running.ask(body, { path });
    return { response, text: await response.text() };
  };

  it('a Chat Completions request loses the field and nothing else', async () => {
    refusing('temperature');
    const body =
      ' {"model":"chat/bytes", "temperature" : 0.20, "unknown":[1.50], "messages":[{"role":"user","content":"Gr\\u00fc\u00dfe"}] }\n';
    const { response } = await post('/v1/chat/completions', body);
    expect(response.status).toBe(200);
    const sent = body.replace('"chat/bytes"', '"bytes"');
    expect(upstream.asked.map(({ text }) => text)).toEqual([sent, sent.replace('"temperature" : 0.20, ', '')]);
  });

  it('a Responses request loses a field inside another', async () => {
    upstream.script((request) => {
      const reasoning = request.json.reasoning as Record<string, unknown> | undefined;
      return reasoning?.summary === undefined
        ? say('ok')
        : openaiError(
            'Your organization must be verified to generate reasoning summaries.',
            'reasoning.summary',
            'unsupported_value',
          );
    });
    const body =
      '{"model":"responses/thinker","input":"hi","store":false,"reasoning":{"effort":"low","summary":"auto"}}';
    const { response } = await post('/v1/responses', body);
    expect(response.status).toBe(200);
    const sent = body.replace('responses/thinker', 'thinker');
    expect(upstream.asked.map(({ text }) => text)).toEqual([sent, sent.replace(',"summary":"auto"', '')]);
  });
});
