/** Where a redirect leads; null where it does not say. */
export function redirectTarget(from: URL, location: string | string[] | undefined): URL | null {
  return typeof location === 'string' && URL.canParse(location, from) ? new URL(location, from) : null;
}

/** What a redirect says about the address that was asked. Neither shows a query, which may hold a secret. */
export function redirectAdvice(from: URL, to: URL | null): string {
  if (to === null) return 'without saying where to. Correct its baseUrl.';
  const where = `to ${to.origin}${to.pathname}`;
  if (to.hostname === from.hostname && from.protocol === 'http:' && to.protocol === 'https:')
    return `${where}. Write https:// in its baseUrl.`;
  if (to.origin !== from.origin) return `${where}. If that is the provider's new address, correct its baseUrl.`;
  if (/log-?in|sign-?in|auth|sso/i.test(to.pathname))
    return `${where}, which looks like a login page. Correct its baseUrl, or its key.`;
  return `${where}. Correct the path in its baseUrl.`;
}
