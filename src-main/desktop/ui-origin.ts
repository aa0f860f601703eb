/** Where the window's page lives. Names under `.invalid` never exist (RFC 2606), so nobody else can answer there. */
export const uiOrigin = 'https://cproxy.invalid';

/** Whether an address belongs to our own page. */
export function isOwnPage(address: string): boolean {
  return parse(address)?.origin === uiOrigin;
}

/** The address of a link that may be opened in the user's browser; null for anything that is not a plain web page. */
export function externalAddress(address: string): string | null {
  const url = parse(address);
  const isWebPage = url !== null && url.protocol === 'https:' && url.username === '' && url.password === '';
  return isWebPage && url.origin !== uiOrigin ? url.href : null;
}

const parse = (address: string): URL | null => (URL.canParse(address) ? new URL(address) : null);
