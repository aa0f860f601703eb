import path from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HealthView, KeyView, ModelListView, ProviderView } from '../../src-shared/control.ts';
import type { AttemptRow, RequestRow } from '../../src-shared/requests.ts';
import { type ControlEngine, canary, startControlEngine } from '../helpers/control-engine.ts';
import { programPath, requires } from '../helpers/missing-programs.ts';
import { planOf } from '../helpers/routing.ts';
import { makeAttempt, makeRow } from '../helpers/rows.ts';

const uiFolder = path.resolve(import.meta.dirname, '../../dist/renderer');
/** Set to a folder to get pictures of the page in all its states. */
const shots = process.env.CPROXY_SHOTS;

const need = requires('chromium');

const hoursAgo = (hours: number): number => Date.now() - hours * 3_600_000;
const health = (changes: Partial<HealthView>): HealthView => ({
  state: 'healthy',
  reason: null,
  since: hoursAgo(3),
  checkedAt: hoursAgo(0),
  attempts: 0,
  failures: 0,
  firstContentMs: null,
  totalMs: null,
  tokensPerSecond: null,
  ...changes,
});
const key = (changes: Partial<KeyView>): KeyView => ({
  id: 'key',
  reference: null,
  state: 'ready',
  reason: null,
  until: null,
  limits: [],
  ...changes,
});
const models = (ids: string[], changes: Partial<ModelListView> = {}): ModelListView => ({
  source: ids.length === 0 ? 'none' : 'fetched',
  count: ids.length,
  ids,
  fetchedAt: ids.length === 0 ? null : hoursAgo(2),
  error: null,
  ...changes,
});

const providers: ProviderView[] = [
  {
    id: 'anthropic',
    name: 'Anthropic',
    type: 'anthropic',
    baseUrl: 'https://api.anthropic.com',
    models: models(['claude-opus-5-5', 'claude-sonnet-5-5', 'claude-haiku-5']),
    priority: 1,
    enabled: true,
    keys: [
      key({
        id: 'work',
        reference: 'keychain:work',
        limits: [{ name: '5h', limit: null, remaining: null, used: 0.62, resetsAt: hoursAgo(-2) }],
      }),
      key({
        id: 'home',
        reference: 'env:ANTHROPIC_HOME_KEY',
        state: 'cooling-down',
        until: hoursAgo(-0.1),
        reason: 'is asked to wait (rate limit), and rests for 6 min',
      }),
    ],
    health: health({
      state: 'degraded',
      reason: "1 of 2 keys cannot be used: 'home' rests.",
      attempts: 40,
      failures: 1,
      firstContentMs: 640,
      tokensPerSecond: 52,
    }),
    circuits: [
      {
        provider: 'anthropic',
        model: 'claude-opus-5-5',
        state: 'open',
        reason: "Provider 'anthropic' answered HTTP 500: Internal server error",
        failures: 5,
        since: hoursAgo(0.01),
        until: hoursAgo(-0.01),
      },
    ],
  },
  {
    id: 'openrouter',
    name: 'openrouter',
    type: 'openrouter',
    baseUrl: 'https://openrouter.ai/api',
    models: models(['google/gemini-2.0-pro-exp-02-05:free']),
    priority: 2,
    enabled: true,
    keys: [key({ reference: 'env:OPENROUTER_API_KEY', state: 'missing', reason: 'OPENROUTER_API_KEY is not set.' })],
    health: health({ state: 'down', reason: 'OPENROUTER_API_KEY is not set.' }),
    circuits: [],
  },
  {
    id: 'local',
    name: 'Workstation',
    type: 'openai-compatible',
    baseUrl: 'http://127.0.0.1:8000',
    models: models([]),
    priority: 3,
    enabled: false,
    keys: [key({ state: 'not-needed' })],
    health: health({ state: 'unknown', reason: 'Nothing has been asked of it yet.' }),
    circuits: [],
  },
];

const attempt = (changes: Partial<AttemptRow>): AttemptRow =>
  makeAttempt({
    provider: 'anthropic',
    model: 'claude-sonnet-5-5',
    startedMs: 2,
    firstContentMs: 640,
    endedMs: 4210,
    status: 200,
    outcome: 'answered',
    usage: { input: 812, cacheRead: 41_500, cacheWrite: 0, output: 1204 },
    stopReason: 'end_turn',
    ...changes,
  });

const busyDay: Partial<RequestRow>[] = [
  {
    askedModel: 'claude-opus-5-5[1m]',
    route: 'tier opus',
    state: 'failed',
    status: 502,
    endedMs: 60_310,
    attempts: [attempt({ model: 'claude-opus-5-5', outcome: 'failed', status: 529, usage: null })],
    error: { code: 'provider_error', status: 502, message: "Provider 'anthropic' answered HTTP 529: Overloaded" },
  },
  {
    askedModel: 'sonnet',
    route: 'alias sonnet',
    state: 'answered',
    status: 200,
    firstContentMs: 1920,
    endedMs: 9340,
    attempts: [
      attempt({
        provider: 'openrouter',
        model: 'google/gemini-2.0-pro-exp-02-05:free',
        outcome: 'failed',
        status: null,
        usage: null,
        error: {
          code: 'provider_key_missing',
          status: 502,
          message: "Provider 'openrouter' has no usable API key: OPENROUTER_API_KEY is not set.",
        },
      }),
      attempt({}),
    ],
  },
  {
    askedModel: 'claude-haiku-5',
    route: 'model id',
    state: 'aborted',
    status: 200,
    firstContentMs: 310,
    endedMs: 905,
    attempts: [attempt({ model: 'claude-haiku-5', outcome: 'aborted', usage: null })],
  },
  {
    askedModel: 'claude-sonnet-5-5',
    route: 'model id',
    state: 'answered',
    status: 200,
    firstContentMs: 640,
    endedMs: 4210,
    attempts: [attempt({})],
  },
  {
    askedModel: 'claude-sonnet-5-5',
    route: 'model id',
    attempts: [attempt({ outcome: 'running', usage: null, endedMs: null })],
  },
];

describe.skipIf(need.missing)(`the status page in Chromium${need.reason}`, () => {
  let browser: Browser;
  let engine: ControlEngine;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: programPath('chromium'),
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
    });
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    engine = await startControlEngine({ uiFolder });
    await open({});
  });
  afterEach(async () => {
    expect(complaints).toEqual([]);
    await context.close();
    await engine.close();
  });

  async function open(options: Parameters<Browser['newContext']>[0]): Promise<void> {
    await context?.close();
    context = await browser.newContext({ locale: 'en-GB', ...options });
    page = await context.newPage();
    page.setDefaultTimeout(5000);
    complaints = [];
    // A policy that blocks something of ours and a script that fails both end here; a refused login is meant to be a 401,
    // and an engine that ends says 503 to whoever is quick enough.
    page.on('console', (message) => {
      if (
        message.type() === 'error' &&
        !/\b(?:401|503)\b|ERR_CONNECTION_REFUSED|ERR_INTERNET_DISCONNECTED|WebSocket/.test(message.text())
      )
        complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (new URL(request.url()).host !== engine.host) complaints.push(`asked ${request.url()}`);
    });
  }

  async function logIn(): Promise<void> {
    await page.goto(`${engine.url}/ui/`);
    await page.getByLabel('Code').fill(engine.sessions.createLoginCode().code);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: 'Connect' }).waitFor();
  }

  function fillEngine(): void {
    engine.status.providers = providers;
    engine.status.configFile = '/home/ada/.config/cproxy/config.yaml';
    let at = Date.now() - 90_000;
    for (const changes of busyDay) {
      at += 15_000;
      const row = makeRow({ startedAt: at, ...changes });
      engine.bus.emit('request.started', row);
      if (row.state !== 'running') engine.bus.emit('request.finished', row);
    }
  }

  const shoot = async (name: string) => {
    if (shots !== undefined) await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
  };
  const axe = async () => {
    const { violations } = await new AxeBuilder({ page }).analyze();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
  };

  it('opens with a code, and says what is wrong with a wrong one', async () => {
    await page.goto(`${engine.url}/ui/`);
    expect(await axe()).toEqual([]);
    await shoot('login');
    await page.getByLabel('Code').fill('wrongone');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('wrong, used or expired').waitFor();
    expect(await axe()).toEqual([]);
    await shoot('login-wrong');
    await logIn();
    await page.getByText('Running', { exact: true }).waitFor();
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ name: 'cproxy_session', httpOnly: true, sameSite: 'Strict', path: '/' });
    expect(await page.evaluate('document.cookie')).toBe('');

    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Code').waitFor();
  });

  it('says what to do while there is nothing yet', async () => {
    await logIn();
    await page.getByText('No request yet.').waitFor();
    await page.getByText('There is no provider yet.').waitFor();
    await page.getByText(`export ANTHROPIC_BASE_URL=${engine.url}`).waitFor();
    await page.getByText('export ANTHROPIC_AUTH_TOKEN=YOUR_CPROXY_TOKEN').waitFor();
    await page.getByLabel('PowerShell').check();
    await page.getByText(`$env:ANTHROPIC_BASE_URL = "${engine.url}"`).waitFor();
    await page.getByLabel('macOS, Linux').check();
    expect(await axe()).toEqual([]);
    await shoot('empty-light');
  });

  it('shows a request as it goes', async () => {
    await logIn();
    const row = makeRow({ askedModel: 'sonnet' });
    engine.bus.emit('request.started', row);
    const entry = page.getByRole('row').filter({ hasText: 'sonnet' });
    await entry.getByText('Running').waitFor();
    engine.bus.emit('request.routed', { request: Object.assign(row, { route: 'alias sonnet' }), plan: planOf('') });
    await entry.getByText('alias sonnet').waitFor();

    Object.assign(row, { state: 'answered', status: 200, firstContentMs: 640, endedMs: 4210, attempts: [attempt({})] });
    engine.bus.emit('request.finished', row);
    await entry.getByText('Answered 200').waitFor();
    expect(await entry.textContent()).toMatch(
      /\d\d:\d\d:\d\d[\s\S]*sonnet[\s\S]*anthropic\/claude-sonnet-5-5[\s\S]*640 ms[\s\S]*4\.2 s[\s\S]*42\.3K in, 1\.2K out/,
    );
    await page.getByText('1 since the start').waitFor();
  });

  it('shows providers, failures and what was tried before', async () => {
    fillEngine();
    await logIn();
    await page.getByText("Provider 'anthropic' answered HTTP 529: Overloaded").waitFor();
    await page.getByText(/Tried before: openrouter\/google.*no usable API key/).waitFor();
    const openrouter = page.getByRole('listitem').filter({ hasText: 'https://openrouter.ai/api' });
    await openrouter.getByText('Key missing').waitFor();
    await openrouter.getByText('OPENROUTER_API_KEY is not set.').waitFor();
    await page.getByText('Turned off').waitFor();
    await page.getByText('3 models').click();
    await page.getByText('anthropic/claude-haiku-5').first().waitFor();
  });

  it('shows how providers do, and checks one now', async () => {
    fillEngine();
    await logIn();
    const anthropic = page.getByRole('listitem').filter({ hasText: 'https://api.anthropic.com' });
    await anthropic.getByText('Degraded').waitFor();
    await anthropic.getByText("1 of 2 keys cannot be used: 'home' rests.").waitFor();
    await anthropic.getByText('Key is resting').waitFor();
    await anthropic.getByText(/limit 5h: 62 % used, resets/).waitFor();
    await anthropic.getByText('640 ms to the first content').waitFor();
    await page.getByText('Down', { exact: true }).waitFor();
    // One that is turned off has nothing to check.
    expect(await page.getByRole('button', { name: 'Check now' }).count()).toBe(2);

    // By keyboard alone.
    await anthropic.getByRole('button', { name: 'Check now Anthropic' }).focus();
    engine.status.providers = providers.map((provider) => ({ ...provider, health: health({}) }));
    await page.keyboard.press('Enter');
    await anthropic.getByRole('status').getByText('Checked Anthropic. It is healthy.').waitFor();
    expect(engine.probed).toEqual(['anthropic']);
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Check now Anthropic');
    expect(await axe()).toEqual([]);
  });

  it('shows what is left alone after failures, and has it tried again at once', async () => {
    fillEngine();
    await logIn();
    const anthropic = page.getByRole('listitem').filter({ hasText: 'https://api.anthropic.com' });
    await anthropic.getByText('Left alone').waitFor();
    await anthropic.getByText("Provider 'anthropic' answered HTTP 500: Internal server error").waitFor();
    await anthropic.getByRole('button', { name: 'Try again now Anthropic' }).focus();
    engine.status.providers = providers.map((provider) => ({ ...provider, circuits: [] }));
    await page.keyboard.press('Enter');
    await anthropic.getByText('Left alone').waitFor({ state: 'detached' });
    expect(engine.reset).toEqual(['anthropic']);
    await anthropic.getByText('The next request may go to Anthropic again.').waitFor({ state: 'attached' });
    expect(await axe()).toEqual([]);
  });

  it.each(['light', 'dark'] as const)('has nothing that axe finds wrong, wide or narrow: %s', async (colorScheme) => {
    fillEngine();
    engine.status.warnings = ['PORT is read for old set-ups only; use CPROXY_SERVER__PORT.'];
    await open({ colorScheme, reducedMotion: 'reduce', viewport: { width: 1280, height: 900 } });
    await logIn();
    await page.getByLabel('Name of the client').fill('laptop');
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByText('cpx_laptop_fresh').first().waitFor();
    expect(await axe()).toEqual([]);
    await shoot(`full-${colorScheme}`);

    for (const width of [360, 768, 1024]) {
      await page.setViewportSize({ width, height: 780 });
      await shoot(`full-${colorScheme}-${width}`);
      const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
      expect([width, await page.evaluate(overflow)]).toEqual([width, 0]);
      // Nothing is squeezed into a column of single letters either.
      const asked = await page.getByText('claude-opus-5-5[1m]').boundingBox();
      expect(asked?.height).toBeLessThan(60);
      if (width === 360) expect(await axe()).toEqual([]);
    }
  });

  it.each(['light', 'dark'] as const)(
    'says what is wrong with the file, until it is right: %s',
    async (colorScheme) => {
      fillEngine();
      const file = '/home/ada/.config/cproxy/config.yaml';
      const problems = [
        `${file}:3:12 server.port: must be a number; found "x"`,
        `${file}:17:5 providers[1].baseUrl: must be a URL such as https://llm.example.com/v1; found "llm.example.com"`,
      ];
      engine.status.config = { file, version: 'a', since: hoursAgo(3), problems, afterRestart: ['secrets.store'] };
      await open({ colorScheme, viewport: { width: 1280, height: 900 } });
      await logIn();
      const banner = page.getByRole('alert', { name: 'The configuration cannot be used' });
      await banner.getByText('config.yaml:3:12 server.port: must be a number; found "x"', { exact: true }).waitFor();
      await banner.getByText('config.yaml:17:5 providers[1].baseUrl').waitFor();
      await page.getByRole('region', { name: 'After the next start' }).getByText('secrets.store').waitFor();
      expect(await axe()).toEqual([]);
      await shoot(`bad-file-${colorScheme}`);
      await page.setViewportSize({ width: 360, height: 780 });
      await shoot(`bad-file-${colorScheme}-360`);
      const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
      expect(await page.evaluate(overflow)).toBe(0);

      engine.status.config = { file, version: 'b', since: hoursAgo(0), problems: [], afterRestart: [] };
      await page.reload();
      await page.getByRole('heading', { name: 'Connect' }).waitFor();
      expect(await banner.count()).toBe(0);
    },
  );

  it('makes a token, shows it once and revokes it', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: engine.url });
    await logIn();
    // By keyboard alone.
    await page.getByLabel('Name of the client').focus();
    await page.keyboard.type('my laptop');
    await page.keyboard.press('Enter');
    await page.getByText('export ANTHROPIC_AUTH_TOKEN=cpx_my-laptop_fresh').waitFor();
    await page.getByRole('button', { name: 'Copy the lines for Claude Code' }).click();
    await page.getByText('Copied the lines for Claude Code').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(
      `export ANTHROPIC_BASE_URL=${engine.url}\nexport ANTHROPIC_AUTH_TOKEN=cpx_my-laptop_fresh\nclaude`,
    );

    await page.getByRole('button', { name: 'I have it' }).click();
    expect(await page.content()).not.toContain('cpx_my-laptop_fresh');
    await page.reload();
    await page.getByRole('button', { name: 'Revoke my laptop' }).waitFor();
    expect(await page.content()).not.toContain('cpx_my-laptop_fresh');
    expect(await page.content()).not.toContain(canary);

    await page.getByRole('button', { name: 'Revoke my laptop' }).click();
    await page.getByRole('button', { name: 'Revoke “my laptop” for good' }).click();
    await page.getByRole('button', { name: 'Revoke my laptop' }).waitFor({ state: 'detached' });
    expect(engine.context.tokens.list()).toEqual([]);
  });

  it('says why no token was made', async () => {
    await logIn();
    engine.context.tokens.create = () => Promise.reject(new Error(canary));
    await page.getByLabel('Name of the client').fill('x');
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByText(/No token was made: CProxy failed on this request/).waitFor();
    expect(await page.content()).not.toContain(canary);
  });

  it('shows a new token also where the list cannot be had', async () => {
    await logIn();
    await page.getByLabel('Name of the client').waitFor();
    engine.context.tokens.list = () => {
      throw new Error(canary);
    };
    await page.getByLabel('Name of the client').fill('x');
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByText('It is shown only now.').waitFor();
    expect(await page.getByText('No token was made').count()).toBe(0);
  });

  it('says that the engine is gone, comes back by itself, and asks for a login when the session is over', async () => {
    fillEngine();
    await logIn();
    const port = Number(engine.host.split(':')[1]);
    await engine.close();
    await page.getByText('CProxy does not answer.').waitFor();
    expect(await page.getByText('Not connected').count()).toBe(1);
    // What was known stays.
    expect(await page.getByText('alias sonnet').count()).toBe(1);
    expect(await axe()).toEqual([]);
    await shoot('disconnected');

    // Another process with the same sessions does not exist: sessions end with the engine.
    engine = await startControlEngine({ uiFolder, port });
    await page.getByText('Your session has ended.').waitFor({ timeout: 15_000 });
    await shoot('signed-out');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByLabel('Code').waitFor();
    await logIn();
  });

  it('reconnects by itself when only the connection was lost', async () => {
    await logIn();
    await context.setOffline(true);
    for (const socket of engine.openSockets()) socket.destroy();
    await page.getByText('CProxy does not answer.').waitFor();
    await context.setOffline(false);
    await page.getByText('Running', { exact: true }).waitFor({ timeout: 15_000 });
    const row = makeRow({ askedModel: 'after-the-break' });
    engine.bus.emit('request.started', row);
    await page.getByText('after-the-break').waitFor();
  });

  it('says that it cannot tell, when the engine fails to answer', async () => {
    engine.context.status = () => {
      throw new Error(canary);
    };
    await page.goto(`${engine.url}/ui/`);
    await page.getByLabel('Code').fill(engine.sessions.createLoginCode().code);
    await page.keyboard.press('Enter');
    await page.getByText('CProxy could not tell its state.').waitFor();
    expect(await axe()).toEqual([]);
    await shoot('problem');
  });

  it('works over a message port just the same', async () => {
    fillEngine();
    await logIn();
    // What the preload script of the desktop application does, with the engine's own WebSocket behind the port.
    await page.evaluate(() => {
      const { port1, port2 } = new MessageChannel();
      const socket = new WebSocket(`ws://${window.location.host}/api/ws`);
      socket.onopen = () => {
        port1.onmessage = ({ data }) => socket.send(data);
        socket.onmessage = ({ data }) => port1.postMessage(data);
        window.postMessage({ type: 'cproxy:control-port' }, window.location.origin, [port2]);
      };
    });
    await page.getByRole('button', { name: 'Log out' }).waitFor({ state: 'detached' });
    await page.getByText('alias sonnet').waitFor();
    const row = makeRow({ askedModel: 'over-a-port' });
    engine.bus.emit('request.started', row);
    await page.getByText('over-a-port').waitFor();
  });
});
