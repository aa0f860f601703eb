const redacted = '[redacted]';

/** Shorter values protect nothing, and are words such as `none` or `ollama` that logs must keep. */
const shortestSecret = 8;

const patterns: readonly [RegExp, string][] = [
  // Anthropic, OpenAI, OpenRouter and those who copy them; not the end of `task-…`.
  [/(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{8,}/g, redacted],
  [/(?<![A-Za-z0-9])(?:AIza|AQ\.)[A-Za-z0-9_-]{20,}/g, redacted],
  [/(?<![A-Za-z0-9])(?:gsk_|xai-|cpx_)[A-Za-z0-9_-]{8,}/g, redacted],
  [/\b(Bearer\s+)(?!\[redacted\])[A-Za-z0-9._~+/=-]{8,}/gi, `$1${redacted}`],
];

/** What of a header's value is secret: all of it, and what follows a scheme such as `Bearer`, which is repeated without it. */
export function headerSecrets(value: string): string[] {
  const credential = /^[A-Za-z-]+ +(\S+)$/.exec(value.trim())?.[1];
  return credential === undefined ? [value] : [value, credential];
}

/**
 * Makes a function that replaces known secrets (of 8 characters and more; also as they look inside JSON and URLs) and
 * whatever looks like a key by `[redacted]`.
 */
export function createRedactor(secrets: Iterable<string>): (text: string) => string {
  const forms = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < shortestSecret) continue;
    forms.add(secret).add(JSON.stringify(secret).slice(1, -1)).add(encodeURIComponent(secret.toWellFormed()));
  }
  // Longest first: a secret that begins with another one must not leave its own end behind.
  const known = [...forms]
    .sort((a, b) => b.length - a.length)
    .map((form) => form.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  const knownPattern = known.length === 0 ? null : new RegExp(known.join('|'), 'g');
  return (text) => {
    let clean = knownPattern === null ? text : text.replace(knownPattern, redacted);
    for (const [pattern, replacement] of patterns) clean = clean.replace(pattern, replacement);
    return clean;
  };
}
