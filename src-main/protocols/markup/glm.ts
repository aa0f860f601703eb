import { consecutive, type ToolMarkup } from './format.ts';
import { parameterValue } from './parameter-value.ts';

const NAME = /^\s*([^\s<]+)\s*/;
const ARGUMENT = /\s*<arg_key>([\s\S]*?)<\/arg_key>\s*<arg_value>([\s\S]*?)<\/arg_value>(?=\s*(?:<arg_key>|$))/y;

/** GLM 4.5 and later: `<tool_call>name<arg_key>key</arg_key><arg_value>value</arg_value>…</tool_call>` (SGLang's `glm45`). */
export const glm: ToolMarkup = {
  open: '<tool_call>',
  close: '</tool_call>',
  begins: (name) => [`${name}<arg_key>`, `${name}</tool_call>`],
  read(inner, closed, tools) {
    const head = NAME.exec(inner);
    // Nothing but the closing tag says that no argument is missing.
    if (!closed || head === null) return null;
    const [before, name = ''] = head;
    const { matches, end } = consecutive(inner, ARGUMENT, before.length);
    const rest = inner.slice(end).trim();
    if (rest !== '') return rest.startsWith('<arg_key>') ? 'incomplete' : null;
    const tool = tools.get(name);
    const values = matches.map(([, key = '', value = '']) => [key.trim(), parameterValue(value, key.trim(), tool)]);
    return [{ name, input: Object.fromEntries(values) }];
  },
};
