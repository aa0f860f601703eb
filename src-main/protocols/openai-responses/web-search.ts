import type { Citation, WebSearchResultBlock } from '../canonical.ts';
import { isObject } from '../is-object.ts';

export type Search = { query: string; content: WebSearchResultBlock['content'] };

/**
 * A `web_search_call` item that is done, in the terms of Anthropic's web search; null for what is no search (a page that was
 * opened or searched in, which Anthropic's has no word for). What was found is known by its URL only: titles come with the
 * citations.
 */
export function searchOf({ action, status }: Readonly<Record<string, unknown>>): Search | null {
  if (!isObject(action) || (action.type !== undefined && action.type !== 'search')) return null;
  const queries = Array.isArray(action.queries) ? action.queries.filter((query) => typeof query === 'string') : [];
  const query = typeof action.query === 'string' && action.query !== '' ? action.query : queries.join('; ');
  if (status === 'failed')
    return { query, content: { type: 'web_search_tool_result_error', error_code: 'unavailable' } };
  const sources = Array.isArray(action.sources) ? action.sources.filter(isObject) : [];
  const content = sources.flatMap(({ url, title }) =>
    typeof url === 'string'
      ? {
          type: 'web_search_result' as const,
          url,
          title: typeof title === 'string' && title !== '' ? title : url,
          encrypted_content: '',
          page_age: null,
        }
      : [],
  );
  return { query, content };
}

/** `^srvtoolu_[a-zA-Z0-9_]+$`, as Anthropic's ids are. */
export const searchId = (id: string): string => `srvtoolu_${id.replace(/[^a-zA-Z0-9_]/g, '_')}`;

/** A `url_citation`; null for what Anthropic's clients could not read (places in files). */
export function citationOf({ type, url, title }: Readonly<Record<string, unknown>>): Citation | null {
  if (type !== 'url_citation' || typeof url !== 'string') return null;
  const citation = {
    type: 'web_search_result_location',
    url,
    title: typeof title === 'string' ? title : null,
    // OpenAI quotes the place in the answer, not what stands on the page.
    cited_text: '',
    encrypted_index: '',
  };
  return citation;
}
