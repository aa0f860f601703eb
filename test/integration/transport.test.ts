import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startHttpProxy } from '../helpers/proxies.ts';
import { question, runEngine } from '../helpers/running-engine.ts';
import { hang, type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';

let upstream: ScriptableUpstream;
beforeEach(async () => {
  upstream = await startUpstream();
});
afterEach(() => upstream.close());

const provider = (rest: Record<string, unknown> = {}) => ({
  id: 'p',
  type: 'openai-compatible' as const,
  baseUrl: upstream.url,
  key: 'env:KEY',
  models: ['m'],
  ...rest,
});
const env = { KEY: 'key-canary-0123456789' };

describe('timeouts.totalMs', () => {
  it('ends an answer that goes on for longer, and the next target is asked', async () => {
    upstream.queue(hang(), say('from the second'));
    await using engine = await runEngine(
      {
        providers: [provider({ timeouts: { totalMs: 100 } }), provider({ id: 'q', models: ['m2'] })],
        aliases: { both: ['p/m', 'q/m2'] },
      },
      { env },
    );
    const answer = await engine.ask(question('hi', { model: 'both' }));
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('from the second')]);
  });

  it('is told where no target is left', async () => {
    upstream.queue(hang());
    await using engine = await runEngine({ providers: [provider({ timeouts: { totalMs: 1_000 } })] }, { env });
    const answer = await engine.ask(question());
    expect([answer.status, await answer.text()]).toEqual([
      504,
      expect.stringContaining("Provider 'p' did not finish its answer within 1 s (timeouts.totalMs)."),
    ]);
  });

  it('ends a stream in mid-answer with an error, never as if it were whole', async () => {
    upstream.queue(say('a long story '.repeat(50), { fragment: 4, delayMs: 50 }));
    await using engine = await runEngine({ providers: [provider({ timeouts: { totalMs: 700 } })] }, { env });
    const answer = await engine.ask(question('hi', { stream: true }));
    const text = await answer.text();
    expect(answer.status).toBe(200);
    expect(text).toContain('content_block_delta');
    expect(text).toMatch(/event: error\ndata: .*timeouts\.totalMs/);
    expect(text).not.toContain('message_stop');
  });
});

describe('a proxy with a login', () => {
  it('carries requests, and its password is shown nowhere', async () => {
    await using proxy = await startHttpProxy({ to: upstream.port, refuse: 403 });
    const variables = { ...env, CORP: `http://me:pass-canary-123@127.0.0.1:${proxy.port}` };
    const baseUrl = 'https://models.test';
    await using engine = await runEngine({ providers: [provider({ baseUrl, proxy: 'env:CORP' })] }, { env: variables });
    const answer = await engine.ask(question());
    const words = await answer.text();
    expect(answer.status).toBe(502);
    expect(words).toContain(`the proxy http://127.0.0.1:${proxy.port} (CORP) does not let requests to models.test:443`);
    expect(words + JSON.stringify(engine.engine.status())).not.toContain('canary');
    expect(proxy.asked).toEqual(['CONNECT models.test:443']);
    expect(proxy.logins).toEqual([`Basic ${Buffer.from('me:pass-canary-123').toString('base64')}`]);
  });

  it('that is not set is told at the start, and others are unharmed', async () => {
    upstream.queue(say('hello'));
    await using engine = await runEngine(
      { providers: [provider(), provider({ id: 'q', proxy: 'env:CORP' }), provider({ id: 'r', ca: 'none.pem' })] },
      { env },
    );
    expect(engine.engine.status().warnings.join('\n')).toMatch(
      /Provider 'q' cannot be reached as it is configured: proxy names the variable CORP, which is not set[\s\S]*'r' [\s\S]*none\.pem could not be read/,
    );
    expect((await engine.ask(question('hi', { model: 'p/m' }))).status).toBe(200);
    const answer = await engine.ask(question('hi', { model: 'q/m' }));
    expect([answer.status, await answer.text()]).toEqual([502, expect.stringContaining('CORP, which is not set')]);
  });
});
