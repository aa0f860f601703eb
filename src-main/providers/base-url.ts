const isVersion = (segment: string): boolean => /^v\d+[a-z0-9]*$/i.test(segment);

/**
 * Joins a provider's base URL with a path of its API. The base works with and without a trailing slash; `/v1` is added
 * only where no segment names a version (`v1`, `v1beta`, `v4` …). A path that begins with `//` belongs to an API without
 * versions, and stands below the base itself: a version at its end is another API's.
 *
 * @returns an absolute URL, `https://openrouter.ai/api` + `/chat/completions` → `https://openrouter.ai/api/v1/chat/completions`,
 * `http://127.0.0.1:11434/v1` + `//api/chat` → `http://127.0.0.1:11434/api/chat`.
 */
export function joinBaseUrl(base: URL, path: string): URL {
  const segments = base.pathname.split('/').filter((segment) => segment !== '');
  const [pathname = '', search = ''] = path.split('?', 2);
  const versionless = pathname.startsWith('//');
  if (!versionless && !segments.some(isVersion)) segments.push('v1');
  if (versionless && isVersion(segments.at(-1) ?? '')) segments.pop();
  const url = new URL(base.origin);
  url.pathname = `/${segments.join('/')}/${pathname.replace(/^\/+/, '')}`.replace(/^\/\//, '/');
  if (search !== '') url.search = search;
  return url;
}
