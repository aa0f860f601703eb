import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLParseError,
} from 'yaml';
import { ConfigError, type Place } from './config-error.ts';
import { isSection } from './overlay.ts';
import type { ConfigPath } from './schema-shape.ts';

/** A configuration file, read: its value, and where in the text each part of it stands. */
export interface SourceFile {
  file: string;
  text: string;
  /** Plain JSON data; an empty file is an empty section. */
  value: unknown;
  /** Where the name (or else the value) at a path stands; null where the file has nothing at that path. */
  placeOf(path: ConfigPath, part: 'name' | 'value'): Place | null;
  warnings: string[];
}

/** Nobody writes as much. To read it would keep a running engine from its requests for seconds. */
const LONGEST_TEXT = 2_000_000;

/**
 * Reads YAML, or JSON in which comments and trailing commas are tolerated. Both go through one parser: JSON without
 * comments is YAML.
 * @throws ConfigError naming each line that cannot be read
 */
export function parseSource(file: string, text: string): SourceFile {
  const lines = new LineCounter();
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { in: 'file', file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problem = (offset: number, message: string) => ({ place: at(offset), path: '', message });

  if (text.length > LONGEST_TEXT)
    throw new ConfigError([problem(0, `is longer than ${LONGEST_TEXT / 1e6} million characters`)]);
  try {
    const source = /\.json[c5]?$/i.test(file) ? blankComments(text) : text;
    const document = parseDocument(source, { lineCounter: lines, prettyErrors: false, merge: true, logLevel: 'error' });
    const unresolved: ReturnType<typeof problem>[] = [];
    visit(document, {
      Alias(_, alias) {
        if (alias.resolve(document) === undefined)
          unresolved.push(problem(alias.range?.[0] ?? 0, `there is no anchor &${alias.source} above this *alias`));
      },
    });
    const problems = [
      ...syntaxErrors(document).map(({ pos, message }) => problem(pos[0], lowerFirst(message))),
      ...unresolved,
    ];
    if (problems.length > 0) throw new ConfigError(problems);

    const value: unknown = document.toJS() ?? {};
    if (!isSection(value)) throw new ConfigError([problem(0, 'must be a section (name: value)')]);
    return {
      file,
      text,
      value,
      placeOf(path, part) {
        const offset = offsetOf(document, path, part);
        return offset === null ? null : at(offset);
      },
      warnings: document.warnings.map((warning) => `${file}: ${lowerFirst(warning.message)}`),
    };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    // Nesting that overflows the stack, or aliases that multiply without bound.
    throw new ConfigError([problem(0, `cannot be read: ${(error as Error).message}`)]);
  }
}

/** A forgotten comma, the commonest mistake in JSON, makes the parser complain twice, in words of YAML. */
function syntaxErrors({ errors }: Document.Parsed): readonly Pick<YAMLParseError, 'pos' | 'message'>[] {
  const noComma = errors.filter(({ code }) => code === 'BLOCK_IN_FLOW');
  return noComma.length === 0 ? errors : noComma.map(({ pos }) => ({ pos, message: 'a comma is missing after this' }));
}

function offsetOf(document: Document, path: ConfigPath, part: 'name' | 'value'): number | null {
  let node = follow(document, document.contents);
  let name: unknown = node;
  for (const segment of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(segment));
      if (!isPair(pair)) return null;
      name = pair.key;
      node = follow(document, pair.value);
    } else if (isSeq(node) && typeof segment === 'number' && segment < node.items.length) {
      node = follow(document, node.items[segment]);
      name = node;
    } else return null;
  }
  const empty = isScalar(node) && node.value === null;
  return (part === 'value' && !empty ? startOf(node) : null) ?? startOf(name) ?? startOf(node) ?? 0;
}

function follow(document: Document, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function startOf(node: unknown): number | null {
  return (node as Node | null | undefined)?.range?.[0] ?? null;
}

/** Comments become spaces, so that everything else keeps its place. */
function blankComments(text: string): string {
  return text.replace(/"(?:[^"\\]|\\[\s\S])*"|\/\/[^\n\r]*|\/\*[\s\S]*?\*\//g, (part) =>
    part.startsWith('"') ? part : part.replace(/[^\n\r]/g, ' '),
  );
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
