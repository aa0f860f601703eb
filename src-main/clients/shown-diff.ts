import type { DocumentFormat, DocumentPath, TextDocument } from '../documents/document.ts';
import { isContainer, valueAt } from '../documents/json-values.ts';
import { openDocument } from '../documents/open-document.ts';
import { unifiedDiff } from '../documents/text-diff.ts';

/** Names of what nobody else may see. */
const SECRET_NAME = /key|token|secret|passw|auth|credential|header|cookie/i;
/** Numbers and switches are no secrets, whatever their name. */
const HARMLESS = /^(?:[\d.]*|true|false)$/i;
/** Keys in comments and in values with harmless names. */
const KEY_LIKE = /\b(?:sk|pk|cpx|ghp|gho|glpat|xox[a-z]|AIza|hf|gsk)[-_]?[A-Za-z0-9_-]{16,}/g;

const MASK = '••••••••';
const NEW_MASK = '•••••••• (new)';

/**
 * What changes from one text of a file to another, as a unified diff without anything secret in it: neither ours nor what the
 * user has there. '' where nothing changes.
 * @param texts null: no file. @param secrets places whose name does not show that they are secret
 */
export function maskedDiff(
  { file, format }: { file: string; format: DocumentFormat },
  texts: { before: string | null; after: string | null },
  secrets: readonly DocumentPath[],
): string {
  if (texts.before === texts.after) return '';
  const before = openDocument(format, texts.before ?? '');
  const after = openDocument(format, texts.after ?? '');
  const masked = (document: TextDocument, mask: (path: DocumentPath, value: string) => string): string =>
    secretsOf(document.value, secrets)
      .reduce((next, [path, value]) => next.set(path, mask(path, value)), document)
      .text.replace(KEY_LIKE, MASK);
  return unifiedDiff(
    masked(before, () => MASK),
    masked(after, (path, value) => (valueAt(before.value, path) === value ? MASK : NEW_MASK)),
    file,
  );
}

/** Texts that are secret by their name, or by the name of what they are in, and those that are said to be. */
function secretsOf(value: unknown, secrets: readonly DocumentPath[]): [DocumentPath, string][] {
  const found: [DocumentPath, string][] = [];
  const visit = (here: unknown, path: DocumentPath, isSecret: boolean): void => {
    if (typeof here === 'string' && isSecret && !HARMLESS.test(here)) found.push([path, here]);
    if (!isContainer(here)) return;
    for (const [name, inner] of Object.entries(here)) {
      const segment = Array.isArray(here) ? Number(name) : name;
      const next = [...path, segment];
      const isSaid = secrets.some((secret) => secret.join('\0') === next.join('\0'));
      visit(inner, next, isSecret || isSaid || (typeof segment === 'string' && SECRET_NAME.test(segment)));
    }
  };
  visit(value, [], false);
  return found;
}
