import { type Entry, entriesOf, type FieldRange, itemsOf, readKey } from './json-envelope.ts';

/** A tool that a request offers. */
export interface OfferedTool {
  /** Of a tool that has none, its type. */
  readonly name: string;
  /** Such as `web_search_20250305`, which the provider runs itself; null where none is given. */
  readonly type: string | null;
}

const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;
const QUOTE = 0x22;

/**
 * The tools in a list of them, in any protocol: `{ name }`, `{ function: { name } }`, and those of the groups (`namespace`) of
 * OpenAI's Responses. Of what is inside of a tool, nothing is decoded.
 */
export function readOfferedTools(bytes: Buffer, { start }: FieldRange): OfferedTool[] {
  const tools: OfferedTool[] = [];
  readInto(tools, bytes, start, 0);
  return tools;
}

/** Groups hold no groups; what does is hostile. */
const DEEPEST = 2;

function readInto(tools: OfferedTool[], bytes: Buffer, start: number, depth: number): void {
  if (bytes[start] !== OPEN_BRACKET || depth > DEEPEST) return;
  for (const item of itemsOf(bytes, start)) {
    if (bytes[item.start] !== OPEN_BRACE) continue;
    let type: string | null = null;
    let name: string | null = null;
    let group: FieldRange | null = null;
    for (const entry of entriesOf(bytes, item.start)) {
      if (entry.key === 'type') type = textOf(bytes, entry);
      else if (entry.key === 'name') name = textOf(bytes, entry);
      else if (entry.key === 'function' || entry.key === 'custom') name ??= nameIn(bytes, entry.value.start);
      else if (entry.key === 'tools') group = entry.value;
    }
    if (group !== null) readInto(tools, bytes, group.start, depth + 1);
    else if (name !== null || type !== null) tools.push({ name: name ?? type ?? '', type });
  }
}

function nameIn(bytes: Buffer, at: number): string | null {
  if (bytes[at] !== OPEN_BRACE) return null;
  for (const entry of entriesOf(bytes, at)) if (entry.key === 'name') return textOf(bytes, entry);
  return null;
}

const textOf = (bytes: Buffer, { value }: Entry): string | null =>
  bytes[value.start] === QUOTE ? readKey(bytes, value.start, value.end) : null;
