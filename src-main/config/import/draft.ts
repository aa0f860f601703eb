import { Document, isMap, isScalar, isSeq, type Node, type Pair } from 'yaml';
import { CONFIG_VERSION } from '../../../src-shared/config.ts';
import { credentialHeaders } from '../../../src-shared/rules.ts';
import { vendorOf } from '../../../src-shared/vendors.ts';
import { createRedactor } from '../../secrets/redact.ts';
import { readKeyText, variableWith } from './key-reference.ts';
import type { FoundKey, Imported, ImportReport } from './report.ts';

type Path = readonly (string | number)[];
type Section = Record<string, unknown>;

/** What a provider of a draft has; checked as a whole by whoever loads it. */
export interface DraftProvider extends Section {
  id: string;
  type: string;
}

/** A configuration in the making, with a report of what became of the one it is made from. */
export class Draft {
  readonly report: ImportReport;
  readonly providers: DraftProvider[] = [];
  readonly rules: Section[] = [];
  readonly aliases: Record<string, string[]> = {};
  readonly #env: NodeJS.ProcessEnv;
  readonly #sections = new Map<string, Section>();
  readonly #secrets: FoundKey[] = [];
  readonly #comments: { path: Path; text: string }[] = [];
  readonly #head: string;

  /** @param head comment at its top */
  constructor({ source, head, env }: { source: string; head: string; env: NodeJS.ProcessEnv }) {
    this.report = { source, carried: [], changed: [], left: [], keys: [] };
    this.#head = head;
    this.#env = env;
  }

  carried(line: string): void {
    this.report.carried.push(line);
  }

  changed(line: string): void {
    if (!this.report.changed.includes(line)) this.report.changed.push(line);
  }

  left(line: string): void {
    if (!this.report.left.includes(line)) this.report.left.push(line);
  }

  /** A comment before what stands at a path of the finished configuration. */
  comment(path: Path, text: string): void {
    this.#comments.push({ path, text });
  }

  /** Sets a field of a section such as `server`. */
  set(section: 'server' | 'logging' | 'routing' | 'limits' | 'health', field: string, value: unknown): void {
    const fields = this.#sections.get(section) ?? {};
    fields[field] = value;
    this.#sections.set(section, fields);
  }

  /**
   * An id of the allowed letters that no provider has yet.
   * @param otherwise what it is made of where the name has no such letters, as in Chinese
   */
  freeId(name: string, otherwise = 'provider'): string {
    const letters = (text: string) =>
      text
        .normalize('NFKD')
        .replace(/[^A-Za-z0-9._-]+/g, '-')
        .replace(/^-+|-+$/g, '');
    const plain = letters(name) || letters(otherwise) || 'provider';
    const taken = (id: string) => id === 'demo' || this.providers.some((other) => other.id === id);
    let id = plain;
    for (let number = 2; taken(id); number += 1) id = `${plain}-${number}`;
    return id;
  }

  addRule(rule: { id: string } & Section): void {
    const plain = rule.id.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^-+|-+$/g, '') || 'rule';
    let id = plain;
    for (let number = 2; this.rules.some((other) => other.id === id); number += 1) id = `${plain}-${number}`;
    this.rules.push({ ...rule, id });
  }

  /**
   * The reference for a key as another program's file has it, asked for before the provider is added. A key that stands in the
   * file itself is put aside for the keychain, under the provider's id.
   * @returns undefined where there is none
   */
  keyReference(provider: { id: string; type: string }, text: unknown, needed = true): string | undefined {
    const read = readKeyText(text);
    const usual = vendorOf(provider.type)?.keyVariable;
    const twin = read.kind === 'secret' ? variableWith(read.key, this.#env, usual) : undefined;
    const variable = read.kind === 'variable' ? read.name : twin;
    if (variable !== undefined) {
      const reference = `env:${variable}`;
      this.report.keys.push({ provider: provider.id, found: 'variable', reference });
      return reference;
    }
    if (read.kind === 'secret') {
      const known = this.#secrets.find((other) => other.key === read.key && other.provider === provider.id);
      const count = this.#secrets.filter((other) => other.provider === provider.id).length;
      const name = known?.name ?? (count === 0 ? provider.id : `${provider.id}-${count + 1}`);
      const reference = `keychain:${name}`;
      if (known === undefined) {
        this.#secrets.push({ provider: provider.id, name, key: read.key });
        this.report.keys.push({ provider: provider.id, found: 'file', reference });
      }
      return reference;
    }
    if (!needed) return undefined;
    this.report.keys.push({ provider: provider.id, found: 'none', reference: null });
    const next = this.providers.length;
    this.comment(['providers', next], `No key was there. Where it takes one: cproxy keys set ${provider.id}`);
    return undefined;
  }

  /** Headers that may stand in a file; those that carry a login are left out, and said. */
  headers(owner: string, given: Section): Record<string, string> | undefined {
    const kept: [string, string][] = [];
    for (const [name, value] of Object.entries(given)) {
      const isSecret = credentialHeaders.has(name.toLowerCase()) || /key|token|secret|auth|cookie/i.test(name);
      if (isSecret) this.left(`${owner}: the header ${name}, for it is a login; a key belongs in \`key\``);
      else if (
        typeof value === 'string' &&
        /^[\t\x20-\x7e\x80-\xff]*$/.test(value) &&
        /^[\w!#$%&'*+.^`|~-]+$/.test(name)
      )
        kept.push([name, value]);
      else this.left(`${owner}: the header ${name}, for its value is no line of text`);
    }
    return kept.length === 0 ? undefined : Object.fromEntries(kept);
  }

  finish(): Imported {
    const routing: Section = { ...this.#sections.get('routing') };
    if (this.rules.length > 0) routing.rules = this.rules;
    const parts: Section = {
      version: CONFIG_VERSION,
      server: this.#sections.get('server'),
      logging: this.#sections.get('logging'),
      providers: this.providers,
      aliases: Object.keys(this.aliases).length === 0 ? undefined : this.aliases,
      routing: Object.keys(routing).length === 0 ? undefined : routing,
      limits: this.#sections.get('limits'),
      health: this.#sections.get('health'),
    };
    const value = Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined));
    const document = new Document(value, { aliasDuplicateObjects: false });
    document.commentBefore = toComment(this.#head);
    for (const { path, text } of this.#comments) putComment(document, path, text);
    return { value, text: document.toString({ lineWidth: 0 }), report: this.#withoutSecrets(), secrets: this.#secrets };
  }

  /** What is written is made without keys; that none slips in by way of a name or an address is made sure of here. */
  #withoutSecrets(): ImportReport {
    const redact = createRedactor(this.#secrets.map(({ key }) => key));
    const clean = (lines: readonly string[]) => lines.map((line) => redact(line));
    const { source, carried, changed, left, keys } = this.report;
    return { source, carried: clean(carried), changed: clean(changed), left: clean(left), keys };
  }
}

const toComment = (text: string): string =>
  text
    .split('\n')
    .map((line) => (line === '' ? '' : ` ${line}`))
    .join('\n');

function putComment(document: Document, path: Path, text: string): void {
  let node: unknown = document.contents;
  let place: Node | null = null;
  for (const segment of path) {
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find(({ key }) => isScalar(key) && key.value === segment);
      if (pair === undefined || !isScalar(pair.key)) return;
      place = pair.key;
      node = pair.value;
    } else if (isSeq(node) && typeof segment === 'number') {
      node = node.items[segment];
      place = isMap(node) || isScalar(node) ? node : null;
    } else return;
  }
  if (place === null) return;
  const before = place.commentBefore;
  place.commentBefore = before == null ? toComment(text) : `${before}\n${toComment(text)}`;
}
