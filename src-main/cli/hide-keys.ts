import { toCurrentVersion } from '../config/schema-versions.ts';
import { parseSource } from '../config/source-file.ts';
import { createRedactor } from '../secrets/redact.ts';

/** A text to be shown, such as a diff, without the keys that stand in files of an old form, and whatever looks like a key. */
export function hideKeys(shown: string, file: string, texts: readonly string[]): string {
  const keys = texts.flatMap((text) => keysIn(file, text));
  return createRedactor(keys)(shown);
}

function keysIn(file: string, text: string): string[] {
  try {
    return toCurrentVersion(parseSource(file, text).value, {})?.secrets.map(({ key }) => key) ?? [];
  } catch (error) {
    // A file that cannot be read has no form; what looks like a key is hidden all the same.
    if (error instanceof Error && error.name === 'ConfigError') return [];
    throw error;
  }
}
