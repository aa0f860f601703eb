import { create } from 'zustand';
import type { EngineStatus, TokenView } from '../../src-shared/control.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import type { Bridge, ControlClient, Link } from '../bridge/bridge.ts';

/** How many requests the page keeps. */
const rowLimit = 100;
const statusPeriodMs = 2000;

interface EngineState {
  link: Link;
  /** null until the engine has first answered; kept while it is away. */
  status: EngineStatus | null;
  /** Newest first; null until the first ones have come. */
  rows: RequestRow[] | null;
  tokens: TokenView[] | null;
  /** What the engine last failed to tell. */
  problem: string | null;
}

export const useEngine = create<EngineState>()(() => ({
  link: { state: 'connecting' },
  status: null,
  rows: null,
  tokens: null,
  problem: null,
}));

let bridge: Bridge | null = null;

/** Keeps the store up to date from now on. */
export function followEngine(openBridge: (onChange: (link: Link) => void) => Bridge): void {
  let leaving = new AbortController();
  bridge = openBridge((link) => {
    leaving.abort();
    leaving = new AbortController();
    useEngine.setState({ link });
    if (link.state !== 'connected') return;
    const { client } = link;
    const { signal } = leaving;
    for (const following of [followStatus(client, signal), followRequests(client, signal), loadTokens(client)])
      following.then(
        () => undefined,
        (error: unknown) => {
          if (!signal.aborted) useEngine.setState({ problem: messageOf(error) });
        },
      );
  });
}

export function retryConnection(): void {
  bridge?.retry();
}

/** The token itself, which nothing but this answer has. */
export async function createToken(name: string): Promise<TokenView & { token: string }> {
  const client = connectedClient();
  const made = await client.tokens.create({ name });
  await reloadTokens(client);
  return made;
}

export async function revokeToken(id: string): Promise<void> {
  const client = connectedClient();
  await client.tokens.revoke({ id });
  await reloadTokens(client);
}

/** Asks a provider how it is, and waits for what comes of it. @returns its new state in words. */
export async function checkProvider(provider: string): Promise<string> {
  const status = await connectedClient().health.probe({ provider });
  useEngine.setState({ status });
  const health = status.providers.find(({ id }) => id === provider)?.health;
  if (health === undefined) return 'It is not there any more.';
  return health.reason === null ? `It is ${health.state}.` : `It is ${health.state}. ${health.reason}`;
}

/** Has all of a provider's targets tried again at once. */
export async function closeCircuits(provider: string): Promise<void> {
  const client = connectedClient();
  await client.circuits.reset({ provider });
  useEngine.setState({ status: await client.status() });
}

/** Ends this browser's session and shows the login page. */
export async function logOut(): Promise<void> {
  const answer = await fetch('/ui/logout', { method: 'POST' });
  // 401: it had ended already.
  if (!answer.ok && answer.status !== 401) throw new Error(`The engine answered ${answer.status}.`);
  window.location.reload();
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function connectedClient(): ControlClient {
  const { link } = useEngine.getState();
  if (link.state !== 'connected') throw new Error('CProxy does not answer at the moment. Try again when it is back.');
  return link.client;
}

async function loadTokens(client: ControlClient): Promise<void> {
  useEngine.setState({ tokens: await client.tokens.list() });
}

/** What was done stays done, and a new token must be shown, even where the list cannot be had just now. */
async function reloadTokens(client: ControlClient): Promise<void> {
  try {
    await loadTokens(client);
  } catch (error) {
    useEngine.setState({ problem: messageOf(error) });
  }
}

async function followStatus(client: ControlClient, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const status = await client.status(undefined, { signal });
    useEngine.setState({ status, problem: null });
    await pause(statusPeriodMs, signal);
  }
}

async function followRequests(client: ControlClient, signal: AbortSignal): Promise<void> {
  for await (const event of await client.requests.live({ limit: rowLimit }, { signal })) {
    const known = event.type === 'snapshot' ? [] : (useEngine.getState().rows ?? []);
    useEngine.setState({ rows: merge(known, event.rows) });
  }
}

function merge(known: readonly RequestRow[], changed: readonly RequestRow[]): RequestRow[] {
  const rows = new Map([...known, ...changed].map((row) => [row.id, row]));
  return [...rows.values()].sort((a, b) => b.startedAt - a.startedAt).slice(0, rowLimit);
}

/** Longer while nobody looks: until the page is visible again. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  if (document.visibilityState === 'visible' || signal.aborted) return;
  await new Promise((resolve) => {
    document.addEventListener('visibilitychange', resolve, { once: true, signal });
    signal.addEventListener('abort', resolve, { once: true });
  });
}
