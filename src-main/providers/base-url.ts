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

/** Endpoints that are pasted where the address of an API belongs. */
const ENDPOINTS = [
  ['chat', 'completions'],
  ['completions'],
  ['responses'],
  ['messages'],
  ['embeddings'],
  // Ollama's own.
  ['api', 'chat'],
  ['api', 'generate'],
  ['api', 'tags'],
];

/** Without a version before it, `/models` ends the address of Azure's model inference. */
const endsInList = (segments: readonly string[]): boolean =>
  segments.at(-1) === 'models' && isVersion(segments.at(-2) ?? '');

/** A base URL without what is unmistakably too much: an endpoint at its end, and a version that stands there twice. */
export function tidyBaseUrl(base: URL): URL {
  let segments = base.pathname.split('/').filter((segment) => segment !== '');
  const endpoint = ENDPOINTS.find((end) => end.every((part, index) => segments.at(index - end.length) === part));
  if (endpoint !== undefined) segments = segments.slice(0, -endpoint.length);
  else if (endsInList(segments)) segments.pop();
  segments = segments.filter((segment, index) => !(isVersion(segment) && segments[index - 1] === segment));
  const tidy = new URL(base);
  tidy.pathname = `/${segments.join('/')}`;
  return tidy;
}

/** What is odd about a base URL, in words; null where nothing is. */
export function baseUrlAdvice(base: URL): string | null {
  const tidy = tidyBaseUrl(base);
  const same = base.pathname.replace(/\/+/g, '/').replace(/\/$/, '') === tidy.pathname.replace(/\/$/, '');
  return same ? null : `its baseUrl ${base.href} is taken for ${tidy.href}, the address of the API; write that.`;
}
