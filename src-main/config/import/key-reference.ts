/** How a key stands in another program's file. */
export type KeyText =
  | { kind: 'none' }
  /** It is in an environment variable. */
  | { kind: 'variable'; name: string }
  /** It stands in the file itself. */
  | { kind: 'secret'; key: string };

const REFERENCES = [
  // claude-code-router and many others; a default behind `:-` is a key in the file, which is left there.
  /^\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-[^}]*)?\}$/,
  /^\$([A-Za-z_][A-Za-z0-9_]*)$/,
  // LiteLLM
  /^os\.environ\/([A-Za-z_][A-Za-z0-9_]*)$/,
  // opencode
  /^\{env:([A-Za-z_][A-Za-z0-9_]*)\}$/,
];

/** What people write where a key belongs and there is none. */
const PLACEHOLDER = new RegExp(
  [
    // sk-, sk-xxx, sk-or-v1-..., ****
    '^(sk-?(or-v1-|ant-)?)?(x{2,}|\\*{3,}|\\.{3,})?$',
    // <your key>, {{API_KEY}}
    '^(<.*>|\\[.*\\]|\\{\\{.*\\}\\})$',
    // YOUR_API_KEY, sk-your-key-here
    '^(sk-?(or-v1-|ant-)?)?(your|my|insert|put|enter)[-_ ]',
    '^(sk-)?(none|null|no-?key|not-?needed|unused|empty|dummy|any|fake|ollama|lm-?studio|api[-_]?key|changeme|placeholder|test|token)$',
  ].join('|'),
  'i',
);

/** @param text as it stands in the file */
export function readKeyText(text: unknown): KeyText {
  if (typeof text !== 'string') return { kind: 'none' };
  const trimmed = text.trim().replace(/^Bearer\s+/i, '');
  for (const reference of REFERENCES) {
    const name = reference.exec(trimmed)?.[1];
    if (name !== undefined) return { kind: 'variable', name };
  }
  return PLACEHOLDER.test(trimmed) ? { kind: 'none' } : { kind: 'secret', key: trimmed };
}

/**
 * The variable that holds just this key, so that it need not be stored once more.
 * @param usual the vendor's own, which is preferred
 */
export function variableWith(key: string, env: NodeJS.ProcessEnv, usual: string | undefined): string | undefined {
  const holds = (name: string) => env[name]?.trim() === key;
  if (usual !== undefined && holds(usual)) return usual;
  return Object.keys(env).find((name) => /(KEY|TOKEN|SECRET)$/i.test(name) && holds(name));
}
