import { consecutive, type MarkedCall, type ToolMarkup } from './format.ts';
import { parseJson, readArguments } from './json-call.ts';

const CALL =
  /\s*<\|tool_call_begin\|>\s*((?:functions\.)?([^\s:<]+):\d+)\s*<\|tool_call_argument_begin\|>([\s\S]*?)(?:<\|tool_call_end\|>|$)/y;

/**
 * Kimi K2: `<|tool_call_begin|>functions.name:0<|tool_call_argument_begin|>{…}<|tool_call_end|>` in a section
 * (MoonshotAI's tool call guidance; vLLM's `kimi_k2`), which it sometimes leaves out (`bareKimi`). The id is what the model
 * wants to see again.
 */
export const kimi: ToolMarkup = {
  open: '<|tool_calls_section_begin|>',
  close: '<|tool_calls_section_end|>',
  begins: (name) => [`<|tool_call_begin|>functions.${name}:`, `<|tool_call_begin|>${name}:`],
  read: readCalls,
};

export const bareKimi: ToolMarkup = {
  open: '<|tool_call_begin|>',
  close: '<|tool_call_end|>',
  begins: (name) => [`functions.${name}:`, `${name}:`],
  read: (inner) => readCalls(`<|tool_call_begin|>${inner}`),
};

function readCalls(inner: string): readonly MarkedCall[] | null {
  const { matches, end } = consecutive(inner, CALL);
  if (matches.length === 0 || inner.slice(end).trim() !== '') return null;
  const calls: MarkedCall[] = [];
  for (const [, id = '', name = '', json = ''] of matches) {
    const input = readArguments(parseJson(json));
    if (input === null) return null;
    calls.push({ name, input, id });
  }
  return calls;
}
