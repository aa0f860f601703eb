/**
 * Joins a provider's base URL with a path of its API. The base works with and without a trailing slash; `/v1` is added
 * only where no segment names a version (`v1`, `v1beta`, `v4` …).
 *
 * @returns an absolute URL, `https://openrouter.ai/api` + `/chat/completions` → `https://openrouter.ai/api/v1/chat/completions`.
 */
export function joinBaseUrl(base: URL, path: string): URL {
  const folder = base.pathname.replace(/\/+$/, '');
  const versioned = folder.split('/').some((segment) => /^v\d+[a-z0-9]*$/i.test(segment));
  const url = new URL(base.origin);
  const [pathname = '', search = ''] = path.split('?', 2);
  url.pathname = `${folder}${versioned ? '' : '/v1'}${pathname}`;
  if (search !== '') url.search = search;
  return url;
}
