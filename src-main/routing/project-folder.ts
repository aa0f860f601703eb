import type { FieldRange } from '../protocols/json-envelope.ts';
import type { Turns } from '../protocols/read-turns.ts';
import type { RequestBody } from '../protocols/request-body.ts';

/**
 * What stands before the folder, in the words of clients: Claude Code (measured: `# Environment … - Primary working directory: /x`;
 * earlier ones and opencode: `<env> Working directory: /x`), and Codex (`<environment_context> … <cwd>/x</cwd>`, its
 * `environment_context.rs`). Writers of JSON may escape `<`.
 */
const INSTRUCTIONS = ['rimary working directory: ', '\\nWorking directory: ', '>Working directory: '].map((text) =>
  Buffer.from(text),
);
const CONTEXT = ['<cwd>', '\\u003ccwd\\u003e', '\\u003Ccwd\\u003E'].map((text) => Buffer.from(text));

/** No client writes so much before it says where it is. */
const SEARCHED_BYTES = 64 * 1024;
const LONGEST_PATH_BYTES = 2048;

const BACKSLASH = 0x5c;
const QUOTE = 0x22;
const LESS = 0x3c;

/** The folder that the client works in, as its prompt says; null where it does not. */
export function projectFolder(
  body: RequestBody,
  { instructions, opening }: Turns,
  client: string | null,
): string | null {
  const { raw } = body;
  const told = [body.rangeOf('system'), body.rangeOf('instructions'), ...instructions];
  for (const range of told) {
    const folder = range === null ? null : firstAfter(raw, range, INSTRUCTIONS);
    if (folder !== null) return folder;
  }
  if (client !== 'codex') return null;
  for (const range of [...opening, ...instructions]) {
    const folder = firstAfter(raw, range, CONTEXT);
    if (folder !== null) return folder;
  }
  return null;
}

function firstAfter(raw: Buffer, { start, end }: FieldRange, signs: readonly Buffer[]): string | null {
  const searched = raw.subarray(start, Math.min(end, start + SEARCHED_BYTES));
  for (const sign of signs) {
    const at = searched.indexOf(sign);
    if (at !== -1) return pathAt(raw, start + at + sign.length);
  }
  return null;
}

/** The rest of the line (or up to a tag) that begins at `at`, inside of a JSON string. */
function pathAt(raw: Buffer, at: number): string | null {
  const most = Math.min(raw.length, at + LONGEST_PATH_BYTES);
  let end = at;
  while (end < most) {
    const byte = raw[end];
    if (byte === QUOTE || byte === LESS) break;
    if (byte === BACKSLASH) {
      if (/^\\(?:[nr]|u000[ad]|u003c)/i.test(raw.toString('latin1', end, end + 6))) break;
      end += 1;
    }
    end += 1;
  }
  if (end >= most) return null;
  try {
    const path: unknown = JSON.parse(`"${raw.toString('utf8', at, end)}"`);
    return typeof path === 'string' ? path.trim() || null : null;
  } catch {
    return null;
  }
}
