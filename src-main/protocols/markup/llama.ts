import type { ToolMarkup } from './format.ts';
import { parseJson, readJsonCall } from './json-call.ts';

/** Llama 3.1 and later: `<|python_tag|>{"name": …, "parameters": {…}}` (SGLang's `llama3`). */
export const llama: ToolMarkup = {
  open: '<|python_tag|>',
  close: null,
  begins: (name) => [`{"name":"${name}"`, `{"type":"function","name":"${name}"`, '{"parameters":'],
  read(inner) {
    const call = readJsonCall(parseJson(inner));
    return call === null ? null : [call];
  },
};
