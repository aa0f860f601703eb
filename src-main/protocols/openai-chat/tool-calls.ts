import { isObject } from '../is-object.ts';
import { JsonExtent } from '../json-extent.ts';

/** A piece of a tool call as a chunk carries it; what is absent is '' (index: null). */
export interface ToolFragment {
  index: number | null;
  id: string;
  name: string;
  /** A function's JSON, or a custom tool's text. */
  arguments: string;
  custom: boolean;
  /** Gemini: state to be given back with the call (`extra_content`), as it was given; null where there is none. */
  extra: Record<string, unknown> | null;
}

const stringOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Reads an entry of `tool_calls`, or a whole legacy `function_call` as `function`. */
export function readFragment(entry: Record<string, unknown>): ToolFragment {
  const { custom } = entry;
  const isCustom = isObject(custom);
  const named = isCustom ? custom : isObject(entry.function) ? entry.function : {};
  const given = isCustom ? custom.input : named.arguments;
  return {
    index: typeof entry.index === 'number' ? entry.index : null,
    id: stringOf(entry.id),
    name: stringOf(named.name),
    // Some servers send the arguments as an object instead of its JSON.
    arguments: isObject(given) ? JSON.stringify(given) : stringOf(given),
    custom: isCustom,
    extra: isObject(entry.extra_content) ? entry.extra_content : null,
  };
}

/** One tool call, put together from its fragments. */
export class ToolCall {
  readonly index: number | null;
  /** Of a free-text tool: its arguments are made here, as `{"input": text}`. */
  readonly custom: boolean;
  /** The provider's id, '' while it has given none. */
  id: string;
  name = '';
  /** All arguments so far. */
  arguments = '';
  readonly #extent = new JsonExtent();

  constructor(first: ToolFragment) {
    this.index = first.index;
    this.id = first.id;
    this.custom = first.custom;
  }

  /** The arguments are a whole JSON object. */
  get complete(): boolean {
    return this.#extent.complete;
  }

  /**
   * Takes a fragment and returns what it adds to the arguments: after a whole object nothing, because what some servers send
   * then is the same arguments once more.
   */
  add(fragment: ToolFragment): string {
    if (this.id === '') this.id = fragment.id;
    if (this.name === '' || this.arguments === '') this.#addName(fragment.name);
    // Cohere, of a tool without parameters (vercel/ai pull request 4755).
    if (!this.custom && this.arguments === '' && fragment.arguments === 'null') return '';
    const added = this.custom
      ? this.#addInput(fragment.arguments)
      : fragment.arguments.slice(0, this.#extent.push(fragment.arguments));
    this.arguments += added;
    return added;
  }

  /** Returns what the arguments lack when nothing more will come: nothing but for a custom tool, whose text has no end mark. */
  close(): string {
    if (!this.custom) return '';
    return this.arguments === '' ? '{"input":""}' : '"}';
  }

  #addInput(text: string): string {
    if (text === '') return '';
    return (this.arguments === '' ? '{"input":"' : '') + JSON.stringify(text).slice(1, -1);
  }

  /** A name comes whole, in pieces, late, or again and again. */
  #addName(name: string): void {
    if (name === this.name) return;
    this.name = name.startsWith(this.name) ? name : this.name + name;
  }
}

/** The call a fragment belongs to; undefined where it begins another one. */
export function callOf(fragment: ToolFragment, calls: readonly ToolCall[]): ToolCall | undefined {
  if (fragment.index !== null) {
    const call = calls.findLast(({ index }) => index === fragment.index);
    return call === undefined || beginsAnother(fragment, call) ? undefined : call;
  }
  if (fragment.id === '' && fragment.name === '') return calls.at(-1);
  const same = fragment.id === '' ? undefined : calls.findLast(({ id }) => id === fragment.id);
  if (same !== undefined) return same;
  // Without an index, a new name is a new call, and so is a new id unless it is one made up for each fragment.
  const last = calls.at(-1);
  if (last === undefined || last.complete) return undefined;
  if (fragment.name === '' || last.name === '') return last;
  return fragment.id === '' && fragment.name === last.name ? last : undefined;
}

/** Some servers send every call under one index. A new id alone says nothing: others make one up for each chunk. */
function beginsAnother(fragment: ToolFragment, call: ToolCall): boolean {
  if (fragment.name === '' || call.name === '') return false;
  if (fragment.id !== '' && call.id !== '') {
    if (fragment.id === call.id) return false;
    return call.complete || call.arguments === '' || fragment.name !== call.name;
  }
  return call.complete && (fragment.name !== call.name || !sameJson(fragment.arguments, call.arguments));
}

function sameJson(one: string, other: string): boolean {
  if (one === '' || one === other) return true;
  try {
    return JSON.stringify(JSON.parse(one)) === JSON.stringify(JSON.parse(other));
  } catch {
    return false;
  }
}
