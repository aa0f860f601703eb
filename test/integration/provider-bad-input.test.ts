import dns from 'node:dns';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, isIP } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { statusLines } from '../../src-main/cli/status.ts';
import type { Logger } from '../../src-main/observability/logger.ts';
import { type ConfigInput, configSchema, timeoutsSchema } from '../../src-shared/config.ts';
import type { ProviderView } from '../../src-shared/control.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { closedPort, html, type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

/** What users get wrong, and what goes wrong around them: each is told in words that say what to do. */

type ProviderInput = NonNullable<ConfigInput['providers']>[number];

/** In every key here, whole or not. */
const canary = 'canary-7f3a9b';
const env = {
  NEWLINE: `${canary}-first\n${canary}-second`,
  QUOTED: `"${canary}-quoted"`,
  SPACED: `${canary} spaced`,
  FOREIGN: `sk-ant-${canary}-of-another-vendor`,
  EMPTY: '  ',
  TOKEN: `cpx_${canary}_token`,
};

let upstream: ScriptableUpstream;
/** A web page wherever one asks. */
let website: ScriptableUpstream;
let running: RunningEngine;
let folder: string;
const logged: string[] = [];
const answers: string[] = [];
const tooMany = Array.from({ length: 5_000 }, (_, index) => `vendor-${index % 50}/model-${index}`);
let large: ScriptableUpstream;
/** Behind a certificate that nobody knows. */
const company = createTlsServer((_request, response) => response.end('{}'));
let cautious: ScriptableUpstream;

/** As sockets call it; what is found has one form or another, by the options. */
type Lookup = (
  name: string,
  options: dns.LookupOptions,
  done: (error: NodeJS.ErrnoException | null, ...found: unknown[]) => void,
) => void;

beforeAll(async () => {
  // No name leads anywhere from here, so nothing leaves this machine.
  const lookup = dns.lookup as unknown as Lookup;
  const stub: Lookup = (name, options, done) => {
    if (isIP(name) !== 0 || name === 'localhost') return lookup(name, options, done);
    const told = { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: name };
    queueMicrotask(() => done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), told)));
  };
  vi.spyOn(dns, 'lookup').mockImplementation(stub as unknown as typeof dns.lookup);

  upstream = await startUpstream();
  cautious = await startUpstream();
  large = await startUpstream({ models: tooMany });
  website = await startUpstream({ other: () => html() });
  website.script(() => html());
  const certificate = (name: string) => readFile(path.join(import.meta.dirname, '../fixtures/tls', name));
  company.setSecureContext({
    cert: await certificate('self-signed.pem'),
    key: await certificate('self-signed.key.pem'),
  });
  await new Promise<void>((resolve) => company.listen(0, '127.0.0.1', resolve));
  folder = await mkdtemp(path.join(tmpdir(), 'cproxy-keys-'));
  const inFile = async (name: string, text: string): Promise<string> => {
    const file = path.join(folder, name);
    await writeFile(file, text);
    await chmod(file, 0o600);
    return `file:${file}`;
  };
  const note = (message: string, fields?: Record<string, unknown>) => {
    logged.push(`${message} ${JSON.stringify(fields ?? {})}`);
  };
  const log: Logger = { error: note, warn: note, info: note, debug: note };
  const chat = (id: string, rest: Partial<ProviderInput>): ProviderInput => ({
    id,
    type: 'openai-compatible',
    baseUrl: upstream.url,
    models: ['m'],
    ...rest,
  });
  const { url } = upstream;
  running = await runEngine(
    {
      providers: [
        chat('newline-in-variable', { key: 'env:NEWLINE' }),
        chat('newline-in-file', { key: await inFile('newline', env.NEWLINE) }),
        chat('newline-at-end', { key: await inFile('end', `${canary}-file\n`) }),
        chat('quoted', { key: 'env:QUOTED' }),
        chat('quoted-in-file', { key: await inFile('quoted', `'${canary}-quoted'\n`) }),
        chat('spaced', { key: 'env:SPACED' }),
        chat('unset', { key: 'env:UNSET' }),
        chat('empty', { key: 'env:EMPTY' }),
        chat('token', { key: 'env:TOKEN' }),
        chat('no-file', { key: `file:${path.join(folder, 'nowhere')}` }),
        { id: 'foreign', type: 'openai', key: 'env:FOREIGN', models: ['m'] },

        chat('slash', { baseUrl: `${url}/` }),
        chat('versioned', { baseUrl: `${url}/v1/` }),
        chat('path', { baseUrl: `${url}/gateway/team/` }),
        chat('v1-twice', { baseUrl: `${url}/v1/v1` }),
        chat('endpoint', { baseUrl: `${url}/v1/chat/completions` }),
        { ...chat('messages', { baseUrl: `${url}/v1/messages` }), type: 'anthropic-compatible' },

        chat('website', { baseUrl: website.url }),
        { id: 'website-list', type: 'openai-compatible', baseUrl: website.url },
        { id: 'large', type: 'openai-compatible', baseUrl: large.url },

        chat('late', { timeouts: { silenceMs: 100, idleMs: 10_000 } }),
        chat('too-late', { timeouts: { silenceMs: 100, idleMs: 1_000 } }),

        chat('no-name', { baseUrl: 'https://llm.company.invalid' }),
        chat('self-signed', { baseUrl: `https://127.0.0.1:${(company.address() as AddressInfo).port}` }),
        chat('no-tls', { baseUrl: `https://127.0.0.1:${upstream.port}` }),
        chat('nobody', { baseUrl: `http://127.0.0.1:${await closedPort()}` }),
        { id: 'cautious', type: 'anthropic-compatible', baseUrl: cautious.url, models: ['c'] },
      ],
      aliases: { 'late-first': ['late/m', 'cautious/c'] },
      routing: { loadBalancing: { healthCheck: true } },
      health: { intervalMs: 300 },
      modelLists: { fetch: true },
    },
    { env, log },
  );
});
afterAll(async () => {
  vi.restoreAllMocks();
  await running.stop();
  company.closeAllConnections();
  await new Promise((resolve) => company.close(resolve));
  await Promise.all([upstream, cautious, large, website].map((server) => server.close()));
  await rm(folder, { recursive: true, force: true });
});

async function ask(model: string, stream = false): Promise<{ status: number; text: string }> {
  const response = await running.ask(question('hi', { model, stream }));
  const text = await response.text();
  answers.push(text);
  return { status: response.status, text };
}

const viewOf = (id: string): ProviderView | undefined =>
  running.engine.status().providers.find((provider) => provider.id === id);

/** What `cproxy status` prints, with its lines joined. */
function shownStatus(): string {
  const shown = statusLines(running.engine.status(), Date.now()).join(' ').replace(/\s+/g, ' ');
  answers.push(shown);
  return shown;
}

/** The part of it that is about one provider: from the line that names it to the one that names the next. */
function shownOf(id: string): string {
  const { providers } = running.engine.status();
  const lines = statusLines(running.engine.status(), Date.now());
  const names = (line: string, name: string) => line.includes(` ${name} (`);
  const from = lines.findIndex((line) => names(line, id));
  if (from === -1) return '';
  const length = lines
    .slice(from + 1)
    .findIndex((line) => line === '' || providers.some((provider) => names(line, provider.id)));
  const shown = lines.slice(from, length === -1 ? undefined : from + 1 + length);
  return shown.join(' ').replace(/\s+/g, ' ');
}

describe('what cannot work is told to the client, in the log and in the status, with what to do', () => {
  it.each<[provider: string, status: number, says: RegExp[]]>([
    ['newline-in-variable', 502, [/NEWLINE/, /line break/]],
    ['newline-in-file', 502, [/the file .*newline/i, /line break/]],
    ['quoted', 502, [/QUOTED/, /quotes.*[Rr]emove them/]],
    ['quoted-in-file', 502, [/quotes.*[Rr]emove them/]],
    ['spaced', 502, [/SPACED/, /spaces/]],
    ['unset', 502, [/UNSET is not set/, /cproxy keys set unset/, /file:PATH/]],
    ['empty', 502, [/EMPTY is empty/]],
    ['token', 502, [/client token of CProxy/, /provider's key/]],
    ['no-file', 502, [/no file .*nowhere/]],
    ['website', 502, [/web page|HTML/, /base ?URL|address/i]],
    ['no-name', 502, [/llm\.company\.invalid/, /could not be found/, /baseUrl/]],
    ['self-signed', 502, [/127\.0\.0\.1:\d+/, /certificate/, /\bca\b/]],
    ['no-tls', 502, [/127\.0\.0\.1:\d+/, /http:\/\//]],
    ['nobody', 502, [/127\.0\.0\.1:\d+/, /nothing listens|refused/, /running/]],
  ])('%s', async (provider, status, says) => {
    const answer = await ask(`${provider}/m`);
    expect(answer.status).toBe(status);
    const { message } = (JSON.parse(answer.text) as { error: { message: string } }).error;
    expect(message).toContain(`'${provider}'`);
    for (const words of says) expect(message).toMatch(words);
    const lines = logged.filter((line) => line.includes(`'${provider}'`)).join('\n');
    for (const words of says) expect(lines).toMatch(words);
    const shown = await waitUntil(
      `the state of ${provider} in the status (${shownOf(provider)})`,
      () => says.every((words) => words.test(shownOf(provider))) && shownOf(provider),
    );
    answers.push(shown);
  });

  it('a key of another vendor works, with a warning', async () => {
    // Its server cannot be reached from here.
    expect((await ask('foreign/m')).status).toBe(502);
    const isWarned = (text: string) => /FOREIGN/.test(text) && /Anthropic|sk-ant-|begin/.test(text);
    await waitUntil('the warning', () => isWarned(shownStatus()));
    expect(logged.some(isWarned)).toBe(true);
  });

  it('a line break at the end of a file belongs to no key', async () => {
    expect((await ask('newline-at-end/m')).status).toBe(200);
    expect(upstream.asked.at(-1)?.headers.authorization).toBe(`Bearer ${canary}-file`);
  });
});

describe('base URLs in all forms', () => {
  it.each([
    ['slash', '/v1/chat/completions'],
    ['versioned', '/v1/chat/completions'],
    ['path', '/gateway/team/v1/chat/completions'],
    ['v1-twice', '/v1/chat/completions'],
    ['endpoint', '/v1/chat/completions'],
    ['messages', '/v1/messages'],
  ])('%s is asked at %s', async (provider, where) => {
    expect((await ask(`${provider}/m`)).status).toBe(200);
    expect(upstream.asked.at(-1)?.path).toBe(where);
  });

  it.each(['v1-twice', 'endpoint', 'messages'])('%s is understood, and told of', (provider) => {
    const { warnings } = running.engine.status();
    expect(warnings.filter((warning) => warning.includes(`'${provider}'`))).toHaveLength(1);
    expect(shownStatus()).toContain(`'${provider}'`);
  });

  it.each(['slash', 'versioned', 'path'])('%s needs no word', (provider) => {
    expect(running.engine.status().warnings.filter((warning) => warning.includes(`'${provider}'`))).toEqual([]);
  });
});

describe('lists', () => {
  it('a web page is no list', async () => {
    const view = await waitUntil('the failed list', () => {
      const { models } = viewOf('website-list') ?? {};
      return models?.error != null && models;
    });
    expect(view.count).toBe(0);
    expect(view.error).toMatch(/web page|HTML/);
    expect(view.error).toMatch(/base ?URL|address/i);
    expect(logged.join('\n')).toMatch(/'?website-list'?.*(web page|HTML)/);
    expect(shownOf('website-list')).toMatch(/web page|HTML/);
  });

  it('5,000 models are listed and can be asked for', async () => {
    await waitUntil('the list', () => viewOf('large')?.models.count === tooMany.length);
    expect(viewOf('large')?.models.ids.length).toBeLessThanOrEqual(200);
    const headers = { 'x-api-key': running.token };
    const response = await fetch(`${running.url}/v1/models`, { headers });
    const { data } = (await response.json()) as { data: { id: string }[] };
    const listed = new Set(data.map(({ id }) => id));
    for (const model of tooMany) expect(listed).toContain(`large/${model}`);
    expect((await ask('large/vendor-49/model-4999')).status).toBe(200);
    expect(large.asked.at(-1)?.model).toBe('vendor-49/model-4999');
    expect((await ask('vendor-49/model-4999')).status).toBe(200);
    // On one screen all the same.
    expect(statusLines(running.engine.status(), Date.now()).join('\n').length).toBeLessThan(20_000);
  });
});

describe('a server that takes its time', () => {
  it('the times that are set allow 90 s before the first byte', () => {
    const { silenceMs, idleMs, totalMs } = timeoutsSchema.parse({});
    expect(idleMs).toBeGreaterThan(90_000);
    expect(totalMs ?? Infinity).toBeGreaterThan(90_000);
    // Another target is waited for less, so that a client does not leave meanwhile.
    expect(silenceMs).toBeLessThan(idleMs);
    // And the client hears of it by pings before it gives up.
    expect(configSchema.parse({}).routing.holdMs).toBeLessThan(90_000);
  });

  it.each([true, false])('is waited for where there is no other (stream: %s)', async (stream) => {
    upstream.queue(say('late', { headerDelayMs: 500 }));
    const { status, text } = await ask('late/m', stream);
    expect(status).toBe(200);
    expect(text).toContain('late');
  });

  it('is left where there is another', async () => {
    upstream.queue(say('late', { headerDelayMs: 5_000 }));
    const { status, text } = await ask('late-first', true);
    expect(status).toBe(200);
    expect(text).toContain('ok');
  });

  it('is given up in the end, in words', async () => {
    upstream.queue(say('late', { headerDelayMs: 5_000 }));
    const { status, text } = await ask('too-late/m');
    expect(status).toBe(504);
    expect(text).toContain("Provider 'too-late' sent nothing for 1 s.");
    expect(logged.join('\n')).toContain("'too-late' sent nothing for 1 s");
  });
});

it('no part of a key is in any of it', () => {
  const all = [...logged, ...answers, JSON.stringify(running.engine.status())];
  expect(all.filter((text) => text.includes(canary))).toEqual([]);
});
