import { describe, expect, it } from 'vitest';
import type { ClientRequest } from '../../../src-main/pipeline/client-request.ts';
import { type AttemptContext, RequestContext } from '../../../src-main/pipeline/context.ts';
import type { LocalCount, LocalCounter } from '../../../src-main/pipeline/local-counter.ts';
import type { OwnCount } from '../../../src-main/pipeline/own-count.ts';
import { judge, roomFor, WindowCheck } from '../../../src-main/pipeline/window-check.ts';
import { anthropicClientCodec } from '../../../src-main/protocols/anthropic/client-codec.ts';
import { RequestBody } from '../../../src-main/protocols/request-body.ts';
import type { BaseProvider } from '../../../src-main/providers/base-provider.ts';
import { makeProvider } from '../../helpers/providers.ts';
import { factWorld } from '../../helpers/routing.ts';
import { makeAttempt } from '../../helpers/rows.ts';

const WINDOW = 100_000;
/** Default estimate: a token for four bytes. */
const bytesFor = (tokens: number): number => tokens * 4;

const server = (baseUrl = 'http://10.0.0.1:8000', contextWindow = WINDOW): BaseProvider =>
  makeProvider({ type: 'openai-compatible', baseUrl, models: ['m'], contextWindow });

function requestOf(content: unknown, headers: Record<string, string> = {}): ClientRequest {
  const body = new RequestBody(Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] })));
  return {
    id: 'req_1',
    codec: anthropicClientCodec,
    path: '/v1/messages',
    query: '',
    rawHeaders: [],
    header: (name) => headers[name] ?? null,
    body,
    clientCredentials: [],
    client: null,
    signal: new AbortController().signal,
    arrivedAt: 0,
  };
}

const text = (bytes: number): ClientRequest => requestOf('x'.repeat(bytes));

interface Counters {
  /** Where nothing else is said, no model would count fewer. */
  local?: Omit<LocalCount, 'least'> & { least?: number };
  own?: OwnCount;
}

/** A check of what has so many tokens by the counters that are given, and how often each was asked. */
function checkWith({ local = { tokens: 0, method: 'learned' }, own = { kind: 'none' } }: Counters) {
  const asked = { local: 0, own: 0 };
  const learned: number[] = [];
  const counter: LocalCounter = {
    count: () => {
      asked.local += 1;
      return Promise.resolve({ least: local.tokens, ...local });
    },
    learn: (_prompt, tokens) => learned.push(tokens),
  };
  const ownCount = (): Promise<OwnCount> => {
    asked.own += 1;
    return Promise.resolve(own);
  };
  return { windows: new WindowCheck({ counter, ownCount }), asked, learned };
}

function attempt(request: ClientRequest, provider: BaseProvider): AttemptContext {
  const context = new RequestContext(request, factWorld);
  return {
    request: context,
    target: { provider, model: 'm' },
    row: makeAttempt({ provider: provider.id, model: 'm' }),
    noOther: true,
    isFinal: true,
    othersForRefused: false,
    triedKeys: new Set<string>(),
    key: null,
    traceHeaders: null,
    sent: null,
    refusal: null,
  };
}

const counted = (tokens: number): OwnCount => ({ kind: 'counted', tokens, original: null });

describe('what a count tells', () => {
  it.each([
    [99_744, 'provider', 'fits'],
    [99_745, 'provider', 'too large'],
    [94_900, 'learned', 'fits'],
    [96_000, 'learned', 'unsure'],
    [104_700, 'learned', 'unsure'],
    [104_800, 'learned', 'too large'],
    [86_700, 'tokenizer', 'fits'],
    [114_000, 'tokenizer', 'unsure'],
    [114_800, 'tokenizer', 'too large'],
    [76_000, 'estimate', 'fits'],
    [129_000, 'estimate', 'unsure'],
    [130_000, 'estimate', 'too large'],
  ] as const)('%i tokens by the %s: %s', (tokens, source, verdict) => {
    expect(judge(tokens, source, WINDOW)).toBe(verdict);
  });

  it('room for an answer is 256 tokens, of small windows a hundredth', () => {
    expect(roomFor(200_000)).toBe(199_744);
    expect(roomFor(4096)).toBe(4055);
  });
});

describe('a request and its window', () => {
  it('is not looked into while its size is far from the window', () => {
    const { windows, asked } = checkWith({ local: { tokens: 1e9, method: 'learned' } });
    expect(windows.check(attempt(text(bytesFor(49_000)), server()))).toBeNull();
    expect(asked).toEqual({ local: 0, own: 0 });
  });

  it('is not looked into where nobody knows the window', () => {
    const provider = makeProvider({ type: 'openai-compatible', baseUrl: 'http://10.0.0.1:8000', models: ['m'] });
    const { windows } = checkWith({ local: { tokens: 1e9, method: 'learned' } });
    expect(windows.check(attempt(text(10_000_000), provider))).toBeNull();
  });

  it('is counted when its size comes near, and goes on where it fits', async () => {
    const { windows, asked } = checkWith({ local: { tokens: 80_000, method: 'learned' } });
    await expect(windows.check(attempt(text(bytesFor(76_000)), server()))).resolves.toBeNull();
    expect(asked).toEqual({ local: 1, own: 0 });
  });

  it('is refused where it is certainly too large', async () => {
    const { windows } = checkWith({ local: { tokens: 110_000, method: 'learned' } });
    await expect(windows.check(attempt(text(bytesFor(90_000)), server()))).resolves.toEqual({
      tokens: 110_000,
      window: WINDOW,
      limit: WINDOW,
    });
  });

  it("is the provider's to judge in between", async () => {
    const { windows, asked } = checkWith({ local: { tokens: 102_000, method: 'learned' } });
    await expect(windows.check(attempt(text(bytesFor(90_000)), server()))).resolves.toBeNull();
    expect(asked.own).toBe(1);
  });

  it('is refused in between by who would take it without a word', async () => {
    for (const address of ['http://127.0.0.1:1234', 'http://127.0.0.1:11434/v1', 'https://api.z.ai/api/paas/v4']) {
      const { windows } = checkWith({ local: { tokens: 102_000, method: 'learned' } });
      await expect(windows.check(attempt(text(bytesFor(90_000)), server(address)))).resolves.toMatchObject({
        tokens: 102_000,
      });
    }
  });

  it('is not refused for what its model has reported where no tokenizer would give so many', async () => {
    const { windows } = checkWith({ local: { tokens: 180_000, method: 'learned', least: 95_000 } });
    await expect(windows.check(attempt(text(bytesFor(90_000)), server()))).resolves.toBeNull();
    const silent = server('https://api.z.ai/api/paas/v4');
    await expect(windows.check(attempt(text(bytesFor(90_000)), silent))).resolves.toMatchObject({ tokens: 180_000 });
  });

  it('is counted however few bytes it has, by who would take it without a word: numbers are a token for each', async () => {
    const { windows } = checkWith({ local: { tokens: 102_000, method: 'tokenizer' } });
    const table = text(110_000);
    expect(windows.check(attempt(table, server()))).toBeNull();
    await expect(windows.check(attempt(table, server('http://127.0.0.1:1234')))).resolves.not.toBeNull();
  });

  it('is judged by no count of its own server that cannot be one of it', async () => {
    const local = { tokens: 110_000, method: 'tokenizer', least: 90_000 } as const;
    const { windows } = checkWith({ local, own: counted(9_000_000) });
    await expect(windows.check(attempt(text(bytesFor(90_000)), server()))).resolves.toBeNull();
    const stub = checkWith({ local, own: counted(1) });
    const silent = server('https://api.z.ai/api/paas/v4');
    await expect(stub.windows.check(attempt(text(bytesFor(90_000)), silent))).resolves.not.toBeNull();
    // Others may leave most of it out, such as old thinking and results of tools.
    await expect(stub.windows.check(attempt(text(bytesFor(90_000)), server()))).resolves.toBeNull();
  });

  it.each([
    [{ tokens: 120_000, method: 'tokenizer' }, counted(99_000), null],
    [{ tokens: 95_000, method: 'tokenizer' }, counted(100_500), { tokens: 100_500, window: WINDOW, limit: WINDOW }],
    [{ tokens: 98_000, method: 'learned' }, counted(99_900), { tokens: 99_900, window: WINDOW, limit: 99_744 }],
  ] as const)("after a count of %j the target's own decides: %j", async (local, own, verdict) => {
    const { windows } = checkWith({ local, own });
    await expect(windows.check(attempt(text(bytesFor(90_000)), server()))).resolves.toEqual(verdict);
  });

  it('is not counted for images, whose base64 looks like a hundred times their tokens', () => {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'A'.repeat(4_000_000) } };
    const { windows, asked } = checkWith({ local: { tokens: 1e9, method: 'learned' } });
    expect(windows.check(attempt(requestOf([image, { type: 'text', text: 'What is this?' }]), server()))).toBeNull();
    expect(asked.local).toBe(0);
  });
});

describe('the local counter', () => {
  it('is asked ahead, once, so that it has learned of the model when its count is needed', () => {
    const { windows, asked } = checkWith({});
    const provider = server();
    for (const tokens of [49_000, 51_000, 60_000]) windows.check(attempt(text(bytesFor(tokens)), provider));
    expect(asked).toEqual({ local: 1, own: 0 });
  });
});

describe('what models report', () => {
  const usage = (input: number) => ({ input, cacheRead: 0, cacheWrite: 0, output: 5 });

  it('makes the estimate theirs, and is handed on', () => {
    const { windows, learned } = checkWith({ local: { tokens: 80_000, method: 'learned' } });
    const provider = server();
    const request = text(bytesFor(50_000));
    expect(windows.check(attempt(request, provider))).toBeNull();
    windows.learn(
      request,
      { provider, model: 'm' },
      { input: 10_000, cacheRead: 60_000, cacheWrite: 10_000, output: 5 },
    );
    expect(learned).toEqual([80_000]);
    expect(windows.check(attempt(request, provider))).not.toBeNull();
    expect(windows.check(attempt(request, server()))).toBeNull();
  });

  it('counts by its size: what a small request says weighs little', () => {
    const { windows } = checkWith({ local: { tokens: 80_000, method: 'learned' } });
    const provider = server();
    const large = text(bytesFor(70_000));
    windows.learn(large, { provider, model: 'm' }, usage(70_000));
    windows.learn(text(100), { provider, model: 'm' }, usage(500));
    expect(windows.check(attempt(large, provider))).toBeNull();
  });

  it('is never taken for more or less than text can have', () => {
    const { windows } = checkWith({ local: { tokens: 80_000, method: 'learned' } });
    const provider = server();
    const large = text(bytesFor(94_000));
    for (let index = 0; index < 10; index += 1) windows.learn(large, { provider, model: 'm' }, usage(1));
    expect(windows.check(attempt(large, provider))).not.toBeNull();
    for (let index = 0; index < 30; index += 1) windows.learn(large, { provider, model: 'm' }, usage(1e9));
    expect(windows.check(attempt(text(70_000), provider))).toBeNull();
  });

  it('of nothing teaches nothing', () => {
    const { windows, learned } = checkWith({});
    windows.learn(text(100), { provider: server(), model: 'm' }, usage(0));
    expect(learned).toEqual([]);
  });
});

describe('windows', () => {
  it('Anthropic gives a million tokens to who asks for them', () => {
    const anthropic = makeProvider({ type: 'anthropic' });
    const target = { provider: anthropic, model: 'claude-sonnet-4-5' };
    const { windows } = checkWith({});
    expect(windows.windowOf(requestOf('x'), target)).toBe(200_000);
    const headers = { 'anthropic-beta': 'claude-code-20250219,context-1m-2025-08-07' };
    expect(windows.windowOf(requestOf('x', headers), target)).toBe(1_000_000);
    expect(windows.windowOf(requestOf('x', headers), { provider: server(), model: 'm' })).toBe(WINDOW);
  });

  it("of a name are nobody's who has only the name", async () => {
    const { windows } = checkWith({ local: { tokens: 130_000, method: 'tokenizer' } });
    const make = (type: 'openai' | 'openai-compatible') =>
      makeProvider({ type, baseUrl: type === 'openai' ? undefined : 'http://10.0.0.1:8000', models: ['gpt-4o'] });
    const [own, other] = [make('openai'), make('openai-compatible')];
    expect(windows.windowOf(requestOf('x'), { provider: own, model: 'gpt-4o' })).toBe(128_000);
    expect(windows.windowOf(requestOf('x'), { provider: other, model: 'gpt-4o' })).toBeNull();
    // Where it says itself that a prompt is too large, the name tells how large it may be.
    const refused = { ...attempt(requestOf('x'), other), target: { provider: other, model: 'gpt-4o' } };
    await expect(windows.measure(refused)).resolves.toEqual({ tokens: 130_000, window: 128_000, limit: 128_000 });
  });

  it('Ollama has what it is told, and no more than the model', () => {
    const { windows } = checkWith({});
    const windowOf = (model: string, contextWindow?: number): number | null =>
      windows.windowOf(requestOf('x'), {
        provider: makeProvider({ type: 'ollama', ...(contextWindow === undefined ? {} : { contextWindow }) }),
        model,
      });
    expect(windowOf('qwen3-coder:30b')).toBe(65_536);
    expect(windowOf('nobody-knows-it')).toBe(65_536);
    expect(windowOf('nobody-knows-it', 131_072)).toBe(131_072);
  });

  it('take far less than a microsecond to look at, whatever other names clients have asked for', () => {
    const { windows } = checkWith({});
    const provider = server();
    const request = text(1000);
    for (let index = 0; index < 3000; index += 1) windows.windowOf(request, { provider, model: `m${index}` });
    const one = attempt(request, provider);
    windows.check(one);
    const begun = performance.now();
    for (let index = 0; index < 100_000; index += 1) windows.check(one);
    // A hundred times what it takes on a slow machine that does other work too.
    expect((performance.now() - begun) / 100_000).toBeLessThan(0.1);
  });
});
