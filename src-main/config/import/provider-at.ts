import { isLoopbackHost, type ProviderKind } from '../../../src-shared/config.ts';
import { isAddressOf, vendors } from '../../../src-shared/vendors.ts';

/** What is spoken at an address, as far as the other program's file says. */
export type Dialect = 'openai-chat' | 'openai-responses' | 'anthropic' | 'gemini' | 'ollama';

export interface ProviderPlace {
  type: ProviderKind;
  baseUrl?: string;
  protocols?: string[];
  /** What is different here, in words. */
  notes: string[];
}

const ENDPOINT =
  /\/(chat\/completions|completions|responses|messages(\/count_tokens)?|embeddings|models(\/.*)?|api\/(chat|generate))?\/?$/;

const isVersion = (segment: string): boolean => /^v\d+[a-z0-9]*$/i.test(segment);
const segmentsOf = ({ pathname }: URL): string[] => pathname.split('/').filter((segment) => segment !== '');
const named = (segments: readonly string[]): string =>
  (segments.some(isVersion) ? segments : [...segments, 'v1']).join('/');

/**
 * The provider that an address of another program's file leads to: a vendor by name where it is one's own address. Other
 * programs write whole endpoints (`…/v1/chat/completions`), which are cut down to the base.
 * @returns the reason in words where CProxy cannot ask there
 */
export function providerAt(address: string, dialect: Dialect): ProviderPlace | string {
  const text = /^[a-z]+:\/\//i.test(address) ? address : `https://${address}`;
  if (!URL.canParse(text)) return 'its address is none';
  const given = new URL(text);
  if (given.protocol !== 'http:' && given.protocol !== 'https:') return `${given.protocol}// is no address of an API`;
  const notes: string[] = [];
  if (given.username + given.password !== '')
    notes.push('the user name and password in its address are left out: they are secrets');

  const url = new URL(given.origin);
  url.pathname = given.pathname.replace(ENDPOINT, '');
  const segments = segmentsOf(url);

  const azure = vendors['azure-openai'];
  if (azure !== undefined && isAddressOf(azure, url)) {
    notes.push("Azure's address of today is asked (/openai/v1), where models are named as they were deployed");
    return { type: 'azure-openai', baseUrl: `${url.origin}/openai/v1`, notes };
  }
  if (url.hostname === 'generativelanguage.googleapis.com') {
    if (!given.pathname.includes('openai'))
      notes.push('it is asked in the dialect of OpenAI, which Gemini speaks, too');
    return { type: 'gemini', notes };
  }
  // It has an end in OpenAI's dialect, too, which does less.
  if (url.hostname === 'api.anthropic.com') return { type: 'anthropic', notes };
  if (dialect === 'gemini') return "it speaks Gemini's own dialect, which CProxy speaks to nobody";

  const local = localServer(url, dialect);
  if (local !== null) return { ...local, notes };

  const vendor = Object.entries(vendors).find(
    ([id, { baseUrl }]) =>
      baseUrl !== null &&
      new URL(baseUrl).origin === url.origin &&
      named(segmentsOf(new URL(baseUrl))) === named(segments) &&
      speaks(id, dialect),
  );
  const protocols = dialect === 'openai-responses' ? { protocols: ['openai-responses'] } : {};
  if (vendor !== undefined)
    return { type: vendor[0] as ProviderKind, ...(vendor[0] === 'openai' ? protocols : {}), notes };

  const baseUrl = url.href.replace(/\/$/, '');
  // A whole endpoint without a version was asked as it stood.
  const isEndpoint = given.pathname.replace(/\/$/, '') !== url.pathname.replace(/\/$/, '');
  if (isEndpoint && dialect !== 'anthropic' && !segments.some(isVersion))
    notes.push(`it is asked below ${baseUrl}/v1, for its address names no version`);
  return dialect === 'anthropic'
    ? { type: 'anthropic-compatible', baseUrl, notes }
    : { type: 'openai-compatible', baseUrl, ...protocols, notes };
}

/** The name of the server in an address, of which an id can be made. */
export function hostOf(address: string): string {
  return URL.canParse(address) ? new URL(address).hostname.replace(/^(api|www)\./, '') : '';
}

/** Vendors that are asked in one dialect only, at the same address as in another. */
function speaks(id: string, dialect: Dialect): boolean {
  if (id === 'anthropic' || id.startsWith('minimax') || id === 'kimi-coding') return dialect === 'anthropic';
  if (id === 'openrouter') return true;
  return dialect !== 'anthropic';
}

function localServer(url: URL, dialect: Dialect): Omit<ProviderPlace, 'notes'> | null {
  const segments = segmentsOf(url).filter((segment) => !isVersion(segment) && segment !== 'api');
  if (segments.length > 0 || dialect === 'anthropic') return null;
  const isHere = isLoopbackHost(url.hostname);
  if (dialect === 'ollama' || url.port === '11434')
    return isHere && url.port === '11434' ? { type: 'ollama' } : { type: 'ollama', baseUrl: url.origin };
  if (isHere && url.port === '1234') return { type: 'lmstudio' };
  return null;
}
