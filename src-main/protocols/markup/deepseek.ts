import { consecutive, type MarkedCall, type ToolMarkup } from './format.ts';
import { parseJson, readArguments } from './json-call.ts';

const CALL = /\s*<｜tool▁call▁begin｜>([^<]*)<｜tool▁sep｜>([\s\S]*?)(?:<｜tool▁call▁end｜>|$)/y;
const FENCED = /^([^\n]+)\n```(?:json)?\n([\s\S]*?)\n```\s*$/;

/**
 * DeepSeek R1 and V3 (`function<｜tool▁sep｜>name` and fenced JSON) and V3.1 (`name<｜tool▁sep｜>` and JSON): SGLang's
 * `deepseekv3` and `deepseekv31`.
 */
export const deepseek: ToolMarkup = {
  open: '<｜tool▁calls▁begin｜>',
  close: '<｜tool▁calls▁end｜>',
  begins: (name) => [
    `<｜tool▁call▁begin｜>function<｜tool▁sep｜>${name}`,
    `<｜tool▁call▁begin｜>${name}<｜tool▁sep｜>`,
  ],
  read(inner) {
    const { matches, end } = consecutive(inner, CALL);
    if (matches.length === 0 || inner.slice(end).trim() !== '') return null;
    const calls: MarkedCall[] = [];
    for (const [, head = '', body = ''] of matches) {
      const fenced = head.trim() === 'function' ? FENCED.exec(body) : null;
      const input = readArguments(parseJson(fenced?.[2] ?? body));
      if (input === null) return null;
      calls.push({ name: (fenced?.[1] ?? head).trim(), input });
    }
    return calls;
  },
};
