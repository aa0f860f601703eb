import type { Tool } from '../canonical.ts';

/** A tool call as a model wrote it. */
export interface MarkedCall {
  name: string;
  input: Record<string, unknown>;
  /** The model's own, where the format has one. */
  id?: string;
}

/** The tools that may be called, by their names as the provider knows them. */
export type CallableTools = ReadonlyMap<string, Tool>;

/** One way in which models write tool calls into their text. */
export interface ToolMarkup {
  open: string;
  /** What ends it; null: the JSON value in it does. */
  close: string | null;
  /** How it may go on for a tool of this name, blanks left out: what goes on in another way is text, and flows at once. */
  begins(name: string): readonly string[];
  /**
   * Reads what stands between `open` and `close`, or all up to the end of the JSON value.
   * @param closed false where the text ended without `close`.
   * @returns null where that is broken; `incomplete` where this `close` may belong to a value.
   */
  read(inner: string, closed: boolean, tools: CallableTools): readonly MarkedCall[] | 'incomplete' | null;
}

/** The matches of a sticky pattern, one right after the other, and where they end. */
export function consecutive(
  text: string,
  pattern: RegExp,
  start = 0,
): { matches: readonly RegExpExecArray[]; end: number } {
  const matches: RegExpExecArray[] = [];
  let end = start;
  pattern.lastIndex = start;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    matches.push(match);
    end = pattern.lastIndex;
  }
  return { matches, end };
}
