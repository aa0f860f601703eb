import {
  type Alias,
  type CST,
  Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type ToStringOptions,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { appendMember, type Bracketed, type BracketStyle, removeMember } from './brackets.ts';
import { DocumentError, type DocumentPath } from './document.ts';
import { isContainer, isEmptyContainer, valueAt } from './json-values.ts';
import type { ReadText } from './open-document.ts';
import { afterBlanks, applyEdits, type Edit, insertion, isBlank, lineEnd, lineStart, newlineOf } from './text-edits.ts';

type Container = YAMLMap | YAMLSeq;
type Token = CST.SourceToken;

/** A field of a map or an item of a list, by where it stands. */
interface Entry {
  /** Of its name or, for an item, its dash. */
  start: number;
  /** After its colon or dash; null in brackets where there is none. */
  indicatorEnd: number | null;
  /** What stands between that and its value: comments, anchors, tags. */
  between: readonly Token[];
  node: Node | null;
  /** After the last character that belongs to it. */
  end: number;
}

const isNode = (value: unknown): value is Node => isScalar(value) || isMap(value) || isSeq(value) || isAlias(value);

/**
 * Reads YAML 1.2, with merge keys (`<<`).
 * @throws DocumentError at the first thing that cannot be read
 */
export function readYaml(text: string): ReadText {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    logLevel: 'error',
    keepSourceTokens: true,
  });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw new DocumentError(`is no YAML: ${error.message}`, { line: Math.max(line, 1), column: Math.max(col, 1) });
  }
  const editor = new YamlEditor(text, document);
  return {
    value: (document.toJS() as unknown) ?? {},
    put: (container, segment, value, whole) => editor.put(container, segment, value, whole),
    remove: (path, whole) => editor.remove(path, whole),
  };
}

class YamlEditor {
  readonly #text: string;
  readonly #document: Document.Parsed;
  readonly #newline: string;

  constructor(text: string, document: Document.Parsed) {
    this.#text = text;
    this.#document = document;
    this.#newline = newlineOf(text);
  }

  put(path: DocumentPath, segment: string | number, value: unknown, whole: unknown): string {
    const root = this.#document.contents;
    if (!isMap(root) && !isSeq(root)) return this.#first(segment, value);
    const shared = this.#sharedAt([...path, segment], whole);
    if (shared !== null) return shared;

    const { container, above } = this.#containerAt(root, path);
    const entry = this.#entryOf(container, segment);
    if (entry !== null) {
      const edits = isFlow(container) ? this.#replaceInBrackets(entry, value) : this.#replace(container, entry, value);
      return applyEdits(this.#text, [...edits, ...this.#spellOutAliasesOf(entry)]);
    }
    // What is empty has brackets, even where all else stands on lines.
    if (above !== null && isFlow(container) && this.#isBare(container))
      return this.put(above.path, above.segment, valueAt(whole, path), whole);
    const edits = isFlow(container)
      ? this.#appendInBrackets(container, segment, value)
      : this.#append(container, segment, value);
    return applyEdits(this.#text, [...edits, ...this.#spellOutAliasesOn(path)]);
  }

  remove(path: DocumentPath, whole: unknown): string {
    const root = this.#document.contents;
    const segment = path.at(-1);
    if ((!isMap(root) && !isSeq(root)) || segment === undefined) return this.#text;
    const shared = this.#sharedAt(path, whole);
    if (shared !== null) return shared;

    const { container, above } = this.#containerAt(root, path.slice(0, -1));
    const entry = this.#entryOf(container, segment);
    if (entry === null)
      throw new DocumentError(`${path.join('.')} comes from elsewhere (<<), so it cannot be taken out here`);
    const aliases = this.#spellOutAliasesOf(entry);
    const index = this.#entries(container).findIndex(({ start }) => start === entry.start);
    if (isFlow(container))
      return applyEdits(this.#text, [...removeMember(this.#text, this.#bracketed(container), index), ...aliases]);
    if (container.items.length > 1) return applyEdits(this.#text, [...this.#removeLines(entry), ...aliases]);
    if (above !== null) return this.put(above.path, above.segment, isMap(container) ? {} : [], whole);
    if (isMap(container)) return applyEdits(this.#text, this.#removeLines(entry));
    return applyEdits(this.#text, [{ start: entry.start, end: entry.end, text: '[]' }]);
  }

  /** Into a text that says nothing yet. */
  #first(segment: string | number, value: unknown): string {
    const text = this.#text;
    const { contents } = this.#document;
    if (contents?.range && contents.range[0] < contents.range[1])
      throw new DocumentError('is neither a section nor a list');
    const before = text === '' || text.endsWith('\n') ? '' : this.#newline;
    const after = text === '' || text.endsWith('\n') ? this.#newline : '';
    return (
      text +
      before +
      this.#block(typeof segment === 'number' ? [value] : Object.fromEntries([[segment, value]]), '') +
      after
    );
  }

  /** Where an alias or a merge key leads elsewhere on the way: what was shared is spelt out. null where there is none. */
  #sharedAt(path: DocumentPath, whole: unknown): string | null {
    let node: unknown = this.#document.contents;
    for (const [index, segment] of path.entries()) {
      if (!isMap(node) && !isSeq(node)) return null;
      const here = path.slice(0, index);
      const entry = this.#entryOf(node, segment);
      if (entry === null) {
        const merged = valueAt(this.#document.toJS(), [...here, segment]) !== undefined;
        const changed = valueAt(whole, [...here, segment]);
        if (!merged || changed === undefined || index === path.length - 1) return null;
        return this.put(here, segment, changed, whole);
      }
      node = entry.node;
      if (isAlias(node) && index < path.length - 1) {
        const value = valueAt(whole, [...here, segment]);
        const [start, end] = rangeOf(node);
        return applyEdits(this.#text, [{ start, end, text: flow(value) }]);
      }
    }
    return null;
  }

  #containerAt(
    root: Container,
    path: DocumentPath,
  ): { container: Container; above: { path: DocumentPath; segment: string | number } | null } {
    let container = root;
    for (const segment of path) {
      const node = this.#entryOf(container, segment)?.node;
      if (!isMap(node) && !isSeq(node)) throw new DocumentError(`there is no ${path.join('.')}`);
      container = node;
    }
    const segment = path.at(-1);
    return { container, above: segment === undefined ? null : { path: path.slice(0, -1), segment } };
  }

  #entryOf(container: Container, segment: string | number): Entry | null {
    if (isSeq(container)) return typeof segment === 'number' ? (this.#entries(container)[segment] ?? null) : null;
    const index = container.items.findIndex(({ key }) => isScalar(key) && nameOf(key.value) === String(segment));
    return index === -1 ? null : (this.#entries(container)[index] ?? null);
  }

  #entries(container: Container): Entry[] {
    return isSeq(container) ? this.#itemsOf(container) : container.items.map((pair) => this.#fieldOf(pair));
  }

  #fieldOf(pair: Pair): Entry {
    const { start: before = [], sep = [] } = pair.srcToken ?? {};
    const key = pair.key as Node;
    const node = isNode(pair.value) ? pair.value : null;
    const colon = sep.findIndex(({ type }) => type === 'map-value-ind');
    const indicator = sep[colon];
    const indicatorEnd = indicator === undefined ? null : indicator.offset + 1;
    const between = sep.slice(colon + 1).filter(isMeaning);
    const keyEnd = Math.max(rangeOf(key)[1], indicatorEnd ?? 0);
    return {
      start: firstOf(before) ?? rangeOf(key)[0],
      indicatorEnd,
      between,
      node,
      end: endOfValue(this.#endOf(node), keyEnd, between, node),
    };
  }

  #itemsOf(container: YAMLSeq): Entry[] {
    const { srcToken } = container;
    if (srcToken?.type === 'block-seq') {
      const items = srcToken.items.filter(({ start }) => start.some(({ type }) => type === 'seq-item-ind'));
      return items.map(({ start }, index) => {
        const dash = start.findIndex(({ type }) => type === 'seq-item-ind');
        const offset = start[dash]?.offset ?? 0;
        const value = container.items[index];
        const node = isNode(value) ? value : null;
        const between = start.slice(dash + 1).filter(isMeaning);
        return {
          start: offset,
          indicatorEnd: offset + 1,
          between,
          node,
          end: endOfValue(this.#endOf(node), offset + 1, between, node),
        };
      });
    }
    const sources = srcToken?.type === 'flow-collection' ? srcToken.items : [];
    return container.items.map((value, index) => {
      if (isPair(value)) throw new DocumentError('has a section without braces in a list');
      const node = isNode(value) ? value : null;
      const start = firstOf(sources[index]?.start ?? []) ?? rangeOf(node)[0];
      return { start, indicatorEnd: null, between: [], node, end: rangeOf(node)[1] };
    });
  }

  #endOf(node: Node | null): number {
    if (node === null) return 0;
    if ((isMap(node) || isSeq(node)) && !isFlow(node)) return this.#entries(node).at(-1)?.end ?? rangeOf(node)[1];
    return rangeOf(node)[1];
  }

  /** A collection in brackets with nothing in them. */
  #isBare(container: Container): boolean {
    const [start, end] = rangeOf(container);
    return container.items.length === 0 && isBlank(this.#text.slice(start + 1, end - 1));
  }

  #bracketed(container: Container): Bracketed {
    const [start, end] = rangeOf(container);
    return { start, end, members: this.#entries(container) };
  }

  #appendInBrackets(container: Container, segment: string | number, value: unknown): Edit[] {
    const member = isSeq(container) ? flowItem(value) : flowField(String(segment), value);
    const style: BracketStyle = { newline: this.#newline, unit: '  ', linesWhenEmpty: false, blank: ' ' };
    return appendMember(this.#text, this.#bracketed(container), () => member, style);
  }

  #replaceInBrackets({ start, indicatorEnd, between, node, end }: Entry, value: unknown): Edit[] {
    const text = flowItem(value);
    const [from, to] = rangeOf(node);
    if (node !== null && from < to) return [{ start: from, end: to, text }];
    if (indicatorEnd !== null) return [insertion(between.at(-1) === undefined ? indicatorEnd : end, ` ${text}`)];
    return start < end ? [insertion(end, `: ${text}`)] : [insertion(start, text)];
  }

  #append(container: Container, segment: string | number, value: unknown): Edit[] {
    const entries = this.#entries(container);
    const last = entries.at(-1);
    if (last === undefined) throw new DocumentError('is empty');
    const indent = ' '.repeat(this.#columnOf(entries[0]?.start ?? last.start));
    const block = this.#block(isSeq(container) ? [value] : Object.fromEntries([[String(segment), value]]), indent);
    if (this.#text[last.end - 1] === '\n') return [insertion(last.end, indent + block + this.#newline)];
    return [insertion(lineEnd(this.#text, last.end), this.#newline + indent + block)];
  }

  /** In block style, where a value has the rest of its line, or the lines below. */
  #replace(container: Container, { start, indicatorEnd, between, node, end }: Entry, value: unknown): Edit[] {
    const text = this.#text;
    if (indicatorEnd === null) throw new DocumentError('has a name without a colon there');
    const [from, to] = rangeOf(node);
    const isThere = node !== null && from < to;
    const wasFlow = (isMap(node) || isSeq(node)) && isFlow(node) && node.items.length > 0;
    const isBlockScalar = isScalar(node) && (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED');
    const inline = !isContainer(value) || isEmptyContainer(value) || wasFlow;
    const sameLine = isThere && !text.slice(indicatorEnd, from).includes('\n');
    const column = this.#columnOf(start);
    const properties = between.filter(({ type }) => type !== 'comment').at(-1);
    const insertAt = properties === undefined ? indicatorEnd : endOfToken(properties);
    const rest = isThere && text[end - 1] === '\n' ? this.#newline : '';

    if (inline) {
      const written = wasFlow ? flow(value) : scalar(value);
      if (sameLine) return [{ start: from, end, text: written + rest }];
      if (!isThere) return [insertion(insertAt, ` ${written}`)];
      const head = Math.max(insertAt, ...between.map(endOfToken));
      return head === insertAt
        ? [{ start: insertAt, end, text: ` ${written}${rest}` }]
        : [insertion(insertAt, ` ${written}`), { start: head, end, text: rest }];
    }

    if (isSeq(container)) {
      const at = sameLine ? from : indicatorEnd;
      const indent = ' '.repeat(sameLine ? this.#columnOf(from) : column + 2);
      const block = this.#block(value, indent);
      if (sameLine) return [{ start: from, end, text: block + rest }];
      if (!isThere) return between.length === 0 ? [insertion(at, ` ${block}`)] : [this.#below(insertAt, indent, block)];
    }
    const deeper = Array.isArray(value) && isMap(container) && !this.#indentsLists() ? 0 : this.#unit();
    const indent = ' '.repeat(column + (isSeq(container) ? 2 : deeper));
    const block = this.#block(value, indent);
    if (!isThere) return [this.#below(insertAt, indent, block)];
    if (sameLine && !isBlockScalar) return [{ start: insertAt, end, text: '' }, this.#below(end, indent, block)];
    const head = Math.max(insertAt, ...between.map(endOfToken));
    return [{ start: head, end, text: this.#newline + indent + block + rest }];
  }

  /** On the lines below, after the comment that may end the line. */
  #below(offset: number, indent: string, block: string): Edit {
    return insertion(lineEnd(this.#text, offset), this.#newline + indent + block);
  }

  /** Takes a field or an item out; a comment on its line stays. */
  #removeLines({ start, end }: Entry): Edit[] {
    const text = this.#text;
    const begin = lineStart(text, start);
    const leads = isBlank(text.slice(begin, start));
    const atLineEnd = text[end - 1] === '\n';
    const rest = atLineEnd ? end : afterBlanks(text, end);
    const alone = atLineEnd || rest === lineEnd(text, rest);
    if (!leads)
      return [{ start, end: alone ? rest + (/^\s*/.exec(text.slice(rest))?.[0].length ?? 0) : rest, text: '' }];
    if (!alone) return [{ start, end: rest, text: '' }];
    if (atLineEnd) return [{ start: begin, end, text: '' }];
    const next = text.indexOf('\n', rest);
    if (next !== -1) return [{ start: begin, end: next + 1, text: '' }];
    const before = text.slice(0, begin).replace(/\r?\n$/, '').length;
    return [{ start: before, end: rest, text: '' }];
  }

  /** What is taken from where it stands must still be there for those that refer to it. */
  #spellOutAliasesOf({ start, end, node, between }: Entry): Edit[] {
    const anchors = new Set<string>();
    if (node !== null)
      visit(node, {
        Node(_, inner) {
          if (!isAlias(inner) && inner.anchor !== undefined) anchors.add(inner.anchor);
        },
      });
    if (between.some(({ type }) => type === 'anchor') && node !== null && !isAlias(node) && node.anchor !== undefined)
      anchors.add(node.anchor);
    return this.#spellOut(anchors, (offset) => offset < start || offset >= end).concat(
      this.#spellOutAliasesAbove(start),
    );
  }

  /** Of sections that hold the place. */
  #spellOutAliasesAbove(offset: number): Edit[] {
    const anchors = new Set<string>();
    visit(this.#document, {
      Node(_, node) {
        const [start, end] = rangeOf(node);
        if (!isAlias(node) && node.anchor !== undefined && start <= offset && offset < end) anchors.add(node.anchor);
      },
    });
    return this.#spellOut(anchors, () => true);
  }

  #spellOutAliasesOn(path: DocumentPath): Edit[] {
    const anchors = new Set<string>();
    let node: unknown = this.#document.contents;
    for (const segment of path) {
      if (!isMap(node) && !isSeq(node)) break;
      node = this.#entryOf(node, segment)?.node;
      if (isNode(node) && !isAlias(node) && node.anchor !== undefined) anchors.add(node.anchor);
    }
    return this.#spellOut(anchors, () => true);
  }

  #spellOut(anchors: ReadonlySet<string>, isOutside: (offset: number) => boolean): Edit[] {
    const document = this.#document;
    const edits: Edit[] = [];
    if (anchors.size === 0) return edits;
    visit(document, {
      Alias(_, alias: Alias) {
        const [start, end] = rangeOf(alias);
        if (!anchors.has(alias.source) || !isOutside(start)) return;
        edits.push({ start, end, text: flow(alias.resolve(document)?.toJS(document)) });
      },
    });
    return edits;
  }

  #columnOf(offset: number): number {
    return offset - lineStart(this.#text, offset);
  }

  /** By how many columns the first section inside another is further right; 2 where there is none. */
  #unit(): number {
    let unit: number | null = null;
    const columnOf = (container: Container) => this.#columnOf(this.#entries(container)[0]?.start ?? 0);
    visit(this.#document, {
      Pair: (_, { value }, path) => {
        const above = path.at(-1);
        if (!isMap(value) || isFlow(value) || !isMap(above) || isFlow(above)) return undefined;
        unit = columnOf(value) - columnOf(above);
        return visit.BREAK;
      },
    });
    return unit === null || unit < 1 ? 2 : unit;
  }

  /** Whether the dashes of lists stand further right than the name. */
  #indentsLists(): boolean {
    let indents = true;
    visit(this.#document, {
      Pair: (_, { key, value }) => {
        if (!isSeq(value) || isFlow(value) || !isNode(key)) return undefined;
        indents = this.#columnOf(this.#entries(value)[0]?.start ?? 0) > this.#columnOf(rangeOf(key)[0]);
        return visit.BREAK;
      },
    });
    return indents;
  }

  /** In block style, with an indent before all lines but the first. */
  #block(value: unknown, indent: string): string {
    return written(value, { indent: this.#unit(), indentSeq: this.#indentsLists() }).replaceAll(
      '\n',
      this.#newline + indent,
    );
  }
}

const rangeOf = (node: Node | null): readonly [number, number] => [node?.range?.[0] ?? 0, node?.range?.[1] ?? 0];

const isFlow = (container: Container): boolean => container.flow === true;

const endOfToken = ({ offset, source }: Token): number => offset + source.length;

const isMeaning = ({ type }: Token): boolean => type === 'comment' || type === 'anchor' || type === 'tag';

/** Of what stands before a name or an item, what belongs to it. */
function firstOf(tokens: readonly Token[]): number | undefined {
  return tokens.find(({ type }) => type === 'anchor' || type === 'tag' || type === 'explicit-key-ind')?.offset;
}

function endOfValue(valueEnd: number, indicatorEnd: number, between: readonly Token[], node: Node | null): number {
  const [start, end] = rangeOf(node);
  if (node !== null && start < end) return valueEnd;
  const properties = between.filter(({ type }) => type !== 'comment').map(endOfToken);
  return Math.max(indicatorEnd, ...properties);
}

/** As fields are called in the value. */
const nameOf = (key: unknown): string => (key === null ? '' : String(key));

/** Values take no more lines than they must, and a text none: what is below a name may be all there is of its line. */
function written(value: unknown, options: ToStringOptions = {}): string {
  const document = new Document(value);
  visit(document, {
    Scalar(_, node) {
      const { value: text } = node;
      // Its writer knows no blanks but those of ASCII, its reader takes away all that Unicode has.
      if (typeof text === 'string' && (text.includes('\n') || text !== text.trim())) node.type = 'QUOTE_DOUBLE';
    },
  });
  const oneLine = { lineWidth: 0, blockQuote: false, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER };
  return document.toString({ ...oneLine, ...options }).trimEnd();
}

/** In brackets where it is a section or a list. */
const flow = (value: unknown): string =>
  isEmptyContainer(value) || !isContainer(value) ? scalar(value) : written(value, { collectionStyle: 'flow' });

/** Quoted where brackets would be read into it. */
const flowItem = (value: unknown): string => unbracketed(written([value], { collectionStyle: 'flow' }));

const flowField = (name: string, value: unknown): string =>
  unbracketed(written(Object.fromEntries([[name, value]]), { collectionStyle: 'flow' }));

const unbracketed = (text: string): string => text.trim().slice(1, -1).trim();

/** As it is written after a name. */
const scalar = (value: unknown): string => written({ a: value }).slice('a: '.length);
