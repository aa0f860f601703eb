import { TOKEN_PREFIX } from '../../src-shared/keys.ts';
import { looksLikeKeyOf } from '../../src-shared/vendors.ts';

/** Why a text is no key, said of where it is; null where it may be one. The text is trimmed. Never quotes it. */
export function keyProblem(text: string, where: string): string | null {
  if (text === '') return `${where} is empty.`;
  if (text.startsWith(TOKEN_PREFIX))
    return `${where} holds a client token of CProxy, not a key of the provider. Put the provider's key there.`;
  if (/^(["']).*\1$/s.test(text)) return `the key in ${where} is wrapped in quotes. Remove them.`;
  if (!/^[\x21-\x7e]+$/.test(text))
    return `${where} holds more than a key: there are spaces, line breaks or other characters in it that no key has.`;
  return null;
}

/** That a key does not look like one of its vendor's, or looks like another's. Vendors change how their keys begin. */
export function prefixWarning(key: string, prefix: string | null, where: string): string | null {
  if (prefix === null) return null;
  const like = looksLikeKeyOf(key);
  const fits = key.startsWith(prefix);
  if (fits && (like === null || like.prefix.length <= prefix.length)) return null;
  if (like !== null && like.name !== null) return `The key in ${where} looks like one of ${like.name}.`;
  return fits ? null : `The key in ${where} does not begin with ${prefix}, as this vendor's keys do.`;
}
