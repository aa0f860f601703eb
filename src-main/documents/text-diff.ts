import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';

/** What changed of a file, line by line, as `diff -u` shows it; empty where nothing did. */
export function unifiedDiff(before: string, after: string, name: string): string {
  if (before === after) return '';
  return createTwoFilesPatch(name, name, before, after, undefined, undefined, {
    context: 3,
    headerOptions: FILE_HEADERS_ONLY,
  });
}
