import { type CallableTools, consecutive, type MarkedCall, type ToolMarkup } from './format.ts';
import { parameterValue } from './parameter-value.ts';

const FUNCTION = /\s*<function=([^>\s]+)>/y;
// The value ends where something follows that can follow it: a file's content may hold the closing tag.
const PARAMETER = /\s*<parameter=([^>]+)>([\s\S]*?)<\/parameter>(?=\s*(?:<parameter=|<\/function>|$))/y;
const FUNCTION_END = /\s*<\/function>\s*/y;

/**
 * Qwen3-Coder: `<tool_call><function=name><parameter=key>value</parameter>…</function></tool_call>`, with each tag on a line
 * of its own (its chat template; vLLM's `qwen3_coder` parser). It often leaves the outer tag out (`bareQwenCoder`).
 */
export const qwenCoder: ToolMarkup = {
  open: '<tool_call>',
  close: '</tool_call>',
  begins: (name) => [`<function=${name}>`],
  read: readFunctions,
};

export const bareQwenCoder: ToolMarkup = {
  open: '<function=',
  close: '</function>',
  begins: (name) => [`${name}>`],
  read: (inner, closed, tools) => (closed ? readFunctions(`<function=${inner}</function>`, true, tools) : null),
};

function readFunctions(
  text: string,
  closed: boolean,
  tools: CallableTools,
): readonly MarkedCall[] | 'incomplete' | null {
  const calls: MarkedCall[] = [];
  let at = 0;
  while (at < text.length) {
    FUNCTION.lastIndex = at;
    const name = FUNCTION.exec(text)?.[1];
    if (name === undefined) return null;
    const { matches, end } = consecutive(text, PARAMETER, FUNCTION.lastIndex);
    const tool = tools.get(name);
    const values = matches.map(([, key = '', value = '']) => [key, parameterValue(unwrapped(value), key, tool)]);
    calls.push({ name, input: Object.fromEntries(values) });
    FUNCTION_END.lastIndex = end;
    if (FUNCTION_END.test(text)) at = FUNCTION_END.lastIndex;
    else if (text.slice(end).trim() !== '') return 'incomplete';
    else return closed ? calls : null;
  }
  return calls;
}

const unwrapped = (value: string): string => value.replace(/^\n/, '').replace(/\n$/, '');
