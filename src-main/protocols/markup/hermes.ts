import type { ToolMarkup } from './format.ts';
import { endsInString, parseJson, readJsonCall } from './json-call.ts';

/** Hermes, Qwen 2.5 and 3: `<tool_call>{"name": …, "arguments": {…}}</tool_call>` (vLLM's `hermes` parser). */
export const hermes: ToolMarkup = {
  open: '<tool_call>',
  close: '</tool_call>',
  begins: (name) => [`{"name":"${name}"`, '{"arguments":'],
  read(inner) {
    const call = readJsonCall(parseJson(inner));
    if (call !== null) return [call];
    return endsInString(inner) ? 'incomplete' : null;
  },
};
