import type { EncodeTarget } from '../codec.ts';
import { isObject } from '../is-object.ts';
import type { RequestBody, RequestFields } from '../request-body.ts';

/** Chat Completions streams tell their usage only where `stream_options.include_usage` asks for it. */
export function streamUsage(
  body: RequestBody,
  { quirks, refused }: Pick<EncodeTarget, 'quirks' | 'refused'>,
): RequestFields | null {
  if (!body.stream || !quirks.asksStreamUsage || refused.has('stream_options')) return null;
  const said = body.has('stream_options') ? body.setting('stream_options') : null;
  const options = said === null ? {} : said;
  // What is neither options nor nothing, the server judges.
  if (!isObject(options) || options.include_usage === true) return null;
  return { stream_options: { ...options, include_usage: true } };
}
