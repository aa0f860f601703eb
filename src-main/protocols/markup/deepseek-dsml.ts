import type { Tool } from '../canonical.ts';
import { type CallableTools, consecutive, type MarkedCall, type ToolMarkup } from './format.ts';
import { parseJson, readArguments } from './json-call.ts';
import { parameterValue } from './parameter-value.ts';

const INVOKE = /\s*<｜DSML｜invoke\s+name="([^"]+)"\s*>([\s\S]*?)<\/｜DSML｜invoke>/y;
const PARAMETER =
  /\s*<｜DSML｜parameter\s+name="([^"]+)"(?:\s+string="(true|false)")?\s*>([\s\S]*?)<\/｜DSML｜parameter>/y;

const dsml = (section: string): ToolMarkup => ({
  open: `<｜DSML｜${section}>`,
  close: `</｜DSML｜${section}>`,
  begins: (name) => [`<｜DSML｜invokename="${name}"`],
  read: readInvokes,
});

/**
 * DeepSeek V3.2 (`function_calls`) and V4 (`tool_calls`): `<｜DSML｜invoke name="…">` with parameters that say whether they
 * are text, or with the arguments as JSON (SGLang's `deepseekv32`).
 */
export const deepseekDsml: readonly ToolMarkup[] = [dsml('function_calls'), dsml('tool_calls')];

function readInvokes(inner: string, _closed: boolean, tools: CallableTools): readonly MarkedCall[] | null {
  const { matches, end } = consecutive(inner, INVOKE);
  if (matches.length === 0 || inner.slice(end).trim() !== '') return null;
  const calls: MarkedCall[] = [];
  for (const [, name = '', body = ''] of matches) {
    const input = readBody(body, tools.get(name));
    if (input === null) return null;
    calls.push({ name, input });
  }
  return calls;
}

function readBody(body: string, tool: Tool | undefined): Record<string, unknown> | null {
  if (body.trimStart().startsWith('{')) return readArguments(parseJson(body));
  const { matches, end } = consecutive(body, PARAMETER);
  if (body.slice(end).trim() !== '') return null;
  const values = matches.map(([, key = '', isText, value = '']) => [
    key,
    isText === 'true' ? value : isText === 'false' ? (parseJson(value) ?? value) : parameterValue(value, key, tool),
  ]);
  return Object.fromEntries(values);
}
