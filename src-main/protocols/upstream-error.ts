import type { ErrorKind } from '../../src-shared/errors.ts';
import type { UpstreamError } from './codec.ts';
import { isContentRefusal, isRefusalCode, refusalInWords } from './content-refusal.ts';
import { contextOverflow } from './context-overflow.ts';
import { isObject } from './is-object.ts';

/** Long enough for every vendor's wording that clients read, short enough for a log line. Characters. */
const MESSAGE_LIMIT = 1000;

/**
 * An error answer as servers of any dialect send it: OpenAI's and Anthropic's `{"error":{message,type,code}}`, OpenRouter's
 * with the vendor's own text in `metadata.raw`, vLLM's `{"object":"error",message,…}`, FastAPI's `{"detail":…}`, Gemini's
 * list of one, Ollama's `{"error":"…"}`, and what stands in front of them: plain text or a page of HTML.
 */
export function decodeError(body: string): UpstreamError {
  const parsed = parseJson(body);
  const value: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
  if (!isObject(value)) return { message: plainText(typeof value === 'string' ? value : body), code: null };
  const error = errorIn(value);
  if (error !== null) return error;
  return { message: messageOf(value) ?? shorten(body), code: codeOf(value), ...paramOf(value) };
}

/** The error that a frame, a choice or a whole answer reports; null where it reports none. */
export function errorIn(value: Record<string, unknown>): UpstreamError | null {
  const { error } = value;
  if (typeof error === 'string' && error !== '') return { message: shorten(error), code: codeOf(value) };
  if (isObject(error)) return reported(error);
  return value.object === 'error' || value.type === 'error' ? reported(value) : null;
}

const reported = (error: Record<string, unknown>): UpstreamError => ({
  message: messageOf(error) ?? 'no reason given',
  code: codeOf(error),
  ...paramOf(error),
});

/** OpenAI names the parameter, and FastAPI where in the body it stands; a vendor behind OpenRouter does so in its own text. */
function paramOf({ param, detail, metadata }: Record<string, unknown>): { param?: string } {
  if (typeof param === 'string' && param !== '') return { param };
  if (isObject(metadata) && typeof metadata.raw === 'string') {
    const { param: named } = decodeError(metadata.raw);
    return named ? { param: named } : {};
  }
  const problem: unknown = Array.isArray(detail) ? detail[0] : undefined;
  const place = isObject(problem) && Array.isArray(problem.loc) ? problem.loc : [];
  const named = place.length === 2 && place[0] === 'body' ? place[1] : undefined;
  return typeof named === 'string' ? { param: named } : {};
}

function messageOf(error: Record<string, unknown>): string | null {
  const { message, metadata } = error;
  if (typeof message !== 'string' || message === '') return detailOf(error.detail) ?? detailOf(message);
  const raw = isObject(metadata) && typeof metadata.raw === 'string' ? decodeError(metadata.raw).message : '';
  return shorten(raw === '' || message.includes(raw) ? message : `${message}: ${raw}`);
}

/** FastAPI: a text, or a list of what is wrong with which field. */
function detailOf(detail: unknown): string | null {
  if (typeof detail === 'string' && detail !== '') return shorten(detail);
  if (isObject(detail)) return messageOf(detail) ?? shorten(JSON.stringify(detail));
  if (!Array.isArray(detail) || detail.length === 0) return null;
  const problems = detail.map((problem) => {
    if (!isObject(problem) || typeof problem.msg !== 'string') return JSON.stringify(problem);
    const place = Array.isArray(problem.loc) ? problem.loc.filter((step) => step !== 'body').join('.') : '';
    return place === '' ? problem.msg : `${place}: ${problem.msg}`;
  });
  return shorten(problems.join('; '));
}

/** The vendor's word for the error where it means something to us, else the HTTP status it repeats. */
function codeOf(error: Record<string, unknown>): string | null {
  const metadata = isObject(error.metadata) ? error.metadata : {};
  const inner = isObject(error.innererror) ? error.innererror : {};
  const words = [error.code, metadata.error_type, inner.code, error.type, error.status].filter(isWord);
  const refusal = words.find(isRefusalCode) ?? (Array.isArray(metadata.reasons) ? 'moderation' : undefined);
  if (refusal !== undefined) return refusal;
  const status = [error.code, error.status].find((code) => /^[45]\d\d$/.test(String(code)));
  const known = words.find((word) => kindByName(word) !== undefined);
  return known ?? (status === undefined ? (words[0] ?? null) : String(status));
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value !== 'error' && !/^\d+$/.test(value);
}

/** A proxy's error page says it in the title; the markup helps nobody. */
function plainText(body: string): string {
  const start = body.slice(0, 20_000);
  if (!/<(?:!doctype|html|head|body|title)\b/i.test(start)) return shorten(start) || 'no reason given';
  const title = /<title[^>]*>([^<]*)</i.exec(start)?.[1]?.trim();
  if (title) return shorten(title);
  const text = start.replace(/<(script|style)\b[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]*>/g, ' ');
  return shorten(text.replace(/\s+/g, ' ')) || 'no reason given';
}

function shorten(text: string): string {
  const trimmed = text.trim();
  return trimmed.length > MESSAGE_LIMIT ? `${trimmed.slice(0, MESSAGE_LIMIT)}…` : trimmed;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const BY_STATUS: Partial<Record<string, ErrorKind>> = {
  '400': 'invalid_request_error',
  '401': 'authentication_error',
  '402': 'billing_error',
  '403': 'permission_error',
  '404': 'not_found_error',
  '408': 'timeout_error',
  '409': 'conflict_error',
  '413': 'request_too_large',
  '422': 'invalid_request_error',
  '429': 'rate_limit_error',
  '503': 'overloaded_error',
  '504': 'timeout_error',
  '529': 'overloaded_error',
};

const BY_NAME: readonly [RegExp, ErrorKind][] = [
  [/context.?(?:length|size|window)/, 'invalid_request_error'],
  [/quota|billing|credit|balance|payment/, 'billing_error'],
  [/rate.?limit|too.?many.?requests|resource.?exhausted/, 'rate_limit_error'],
  [/overloaded|unavailable|busy|capacity/, 'overloaded_error'],
  [/time.?out|deadline/, 'timeout_error'],
  [/auth|api.?key/, 'authentication_error'],
  [/permission|forbidden/, 'permission_error'],
  [/not.?found/, 'not_found_error'],
  [/conflict/, 'conflict_error'],
  [/too.?large/, 'request_too_large'],
  [/invalid|bad.?request|unprocessable/, 'invalid_request_error'],
];

const kindByName = (name: string): ErrorKind | undefined => {
  const lower = name.toLowerCase();
  return BY_NAME.find(([pattern]) => pattern.test(lower))?.[1];
};

/** An error inside an answer that began with HTTP 200, as the canonical event names it. */
export function errorEvent(error: UpstreamError): { type: ErrorKind; message: string } {
  const overflow = contextOverflow(error);
  if (overflow !== null) return { type: 'invalid_request_error', message: overflow };
  if (isContentRefusal(error)) return { type: 'invalid_request_error', message: refusalInWords(error) };
  const code = error.code ?? '';
  return { type: BY_STATUS[code] ?? kindByName(code) ?? 'api_error', message: error.message };
}
