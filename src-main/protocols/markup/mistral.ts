import type { MarkedCall, ToolMarkup } from './format.ts';
import { parseJson, readArguments, readJsonCall } from './json-call.ts';

const NAMED = /^\s*([^\s{[]+)\s*(?:\[CALL_ID\]\s*([^\s{[]+)\s*)?(?:\[ARGS\]\s*)?(\{[\s\S]*\})$/;

/**
 * Mistral: `[TOOL_CALLS][{"name": …, "arguments": {…}}, …]` up to tokenizer version 7, later `[TOOL_CALLS]name[ARGS]{…}` for
 * each call, in version 11 with `[CALL_ID]` (vLLM's `mistral` parser).
 */
export const mistral: ToolMarkup = {
  open: '[TOOL_CALLS]',
  close: null,
  begins: (name) => [`[{"name":"${name}"`, '[{"arguments":', `${name}{`, `${name}[ARGS]{`, `${name}[CALL_ID]`],
  read(inner) {
    const named = NAMED.exec(inner);
    if (named !== null) {
      const [, name = '', id, json = ''] = named;
      const input = readArguments(parseJson(json));
      if (input === null) return null;
      return [id === undefined ? { name, input } : { name, input, id }];
    }
    const list = parseJson(inner);
    if (!Array.isArray(list) || list.length === 0) return null;
    const calls = list.map(readJsonCall);
    return calls.every((call): call is MarkedCall => call !== null) ? calls : null;
  },
};
