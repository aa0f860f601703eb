import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnswerBlock, AnswerMessage, StreamEvent, Tool, Usage } from '../../../../src-main/protocols/canonical.ts';
import { MarkupReader } from '../../../../src-main/protocols/markup/markup-reader.ts';
import { collectMessage } from '../../../helpers/answers.ts';
import { messageStart, textBlock } from '../../../helpers/canonical-events.ts';
import { checkEventGrammar } from '../../../helpers/event-grammar.ts';

const usage: Usage = {
  input_tokens: 1,
  output_tokens: 1,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
};
const start = messageStart(usage);
const stop = (reason: AnswerMessage['stop_reason']): StreamEvent[] => [
  { type: 'message_delta', delta: { stop_reason: reason, stop_sequence: null }, usage },
  { type: 'message_stop' },
];

const schema = {
  type: 'object',
  properties: {
    command: { type: 'string' },
    timeout: { type: 'integer' },
    ratio: { type: ['number', 'null'] },
    background: { type: 'boolean' },
    list: { type: 'array', items: { type: 'string' } },
    either: { anyOf: [{ type: 'string' }, { type: 'object' }] },
  },
};
const tools = new Map<string, Tool>(
  ['Bash', 'mcp__files__list', 'the.long.name'].map((name) => [name, { name, input_schema: schema }]),
);

function reader(offeredTools: ReadonlyMap<string, Tool> = tools): MarkupReader {
  let count = 0;
  return new MarkupReader({ offeredTools, toolNames: new Map([['short_12345678', 'the.long.name']]) }, () => {
    count += 1;
    return `new${count}`;
  });
}

function read(pieces: readonly string[], offeredTools?: ReadonlyMap<string, Tool>): AnswerMessage {
  const markup = reader(offeredTools);
  const events = [start, ...textBlock(0, pieces), ...stop('end_turn')].flatMap((event) => markup.push([event]));
  expect(checkEventGrammar(events)).toEqual([]);
  return collectMessage(events);
}

const text = (value: string): AnswerBlock => ({ type: 'text', text: value });
const thinking = (value: string): AnswerBlock => ({ type: 'thinking', thinking: value, signature: '' });
const call = (input: unknown, id = 'call_new1', name = 'Bash'): AnswerBlock => ({ type: 'tool_use', id, name, input });

const ls = { command: 'ls' };
const lsJson = '{"command":"ls"}';

const found: Record<string, [string, AnswerBlock[]]> = {
  Hermes: ['<tool_call>\n{"name": "Bash", "arguments": {"command": "ls"}}\n</tool_call>', [call(ls)]],
  'Hermes, text before, several calls': [
    `I look.\n\n<tool_call>\n{"name":"Bash","arguments":${lsJson}}\n</tool_call>\n<tool_call>\n{"name":"mcp__files__list","arguments":{}}\n</tool_call>`,
    [text('I look.\n\n'), call(ls), call({}, 'call_new2', 'mcp__files__list')],
  ],
  'Hermes, arguments first': [`<tool_call>{"arguments":${lsJson},"name":"Bash"}</tool_call>`, [call(ls)]],
  'Hermes, arguments as a string': [
    `<tool_call>{"name":"Bash","arguments":${JSON.stringify(lsJson)}}</tool_call>`,
    [call(ls)],
  ],
  'Hermes, the closing tag in a value': [
    '<tool_call>{"name":"Bash","arguments":{"command":"echo </tool_call> \\" x"}}</tool_call>',
    [call({ command: 'echo </tool_call> " x' })],
  ],
  'Hermes, no closing tag': [`<tool_call>\n{"name":"Bash","arguments":${lsJson}}\n`, [call(ls)]],
  'Hermes, text after': [
    `<tool_call>{"name":"Bash","arguments":${lsJson}}</tool_call>\n\nDone.`,
    [call(ls), text('Done.')],
  ],
  'a shortened name': ['<tool_call>{"name":"short_12345678"}</tool_call>', [call({}, 'call_new1', 'the.long.name')]],
  'Qwen Coder': [
    '<tool_call>\n<function=Bash>\n<parameter=command>\nls\n</parameter>\n<parameter=timeout>\n5\n</parameter>\n</function>\n</tool_call>',
    [call({ command: 'ls', timeout: 5 })],
  ],
  'Qwen Coder, bare, closing tags in a value': [
    '<function=Bash>\n<parameter=command>\necho "</parameter></tool_call> </function>" | cat\n</parameter>\n</function>',
    [call({ command: 'echo "</parameter></tool_call> </function>" | cat' })],
  ],
  'Qwen Coder, without parameters': ['<tool_call><function=Bash>\n</function></tool_call>', [call({})]],
  'Qwen Coder, function not closed': [
    '<tool_call>\n<function=Bash>\n<parameter=command>\nls\n</parameter>\n</tool_call>',
    [call(ls)],
  ],
  'Qwen Coder, all types': [
    `<tool_call><function=Bash>${[
      ['command', '12'],
      ['timeout', '12'],
      ['ratio', 'null'],
      ['background', 'True'],
      ['list', '["a"]'],
      ['either', '{"a":1}'],
      ['unknown', '7'],
    ]
      .map(([key, value]) => `<parameter=${key}>${value}</parameter>`)
      .join('')}</function></tool_call>`,
    [
      call({
        command: '12',
        timeout: 12,
        ratio: null,
        background: true,
        list: ['a'],
        either: { a: 1 },
        unknown: '7',
      }),
    ],
  ],
  GLM: [
    '<tool_call>Bash\n<arg_key>command</arg_key>\n<arg_value>ls </tool_call></arg_value>\n<arg_key>timeout</arg_key>\n<arg_value>5</arg_value>\n</tool_call>',
    [call({ command: 'ls </tool_call>', timeout: 5 })],
  ],
  'GLM, without arguments': ['<tool_call>Bash</tool_call>', [call({})]],
  'DeepSeek V3': [
    '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>Bash\n```json\n{"command":"ls"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>Bash\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    [call(ls), call({}, 'call_new2')],
  ],
  'DeepSeek V3.1': [
    `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>Bash<｜tool▁sep｜>${lsJson}<｜tool▁call▁end｜><｜tool▁calls▁end｜>`,
    [call(ls)],
  ],
  'DeepSeek V3.2': [
    '<｜DSML｜function_calls>\n<｜DSML｜invoke name="Bash">\n<｜DSML｜parameter name="command" string="true">5</｜DSML｜parameter>\n<｜DSML｜parameter name="timeout" string="false">5</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>',
    [call({ command: '5', timeout: 5 })],
  ],
  'DeepSeek V4, JSON': [
    `<｜DSML｜tool_calls><｜DSML｜invoke name="Bash">\n${lsJson}\n</｜DSML｜invoke></｜DSML｜tool_calls>`,
    [call(ls)],
  ],
  Kimi: [
    `Let me.<|tool_calls_section_begin|><|tool_call_begin|>functions.Bash:0<|tool_call_argument_begin|>${lsJson}<|tool_call_end|><|tool_call_begin|>functions.Bash:0<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>`,
    [text('Let me.'), call(ls, 'id64_ZnVuY3Rpb25zLkJhc2g6MA'), call({}, 'id64_ZnVuY3Rpb25zLkJhc2g6MF8y')],
  ],
  'Kimi, without a section': [
    `<|tool_call_begin|>Bash:3<|tool_call_argument_begin|>${lsJson}<|tool_call_end|>`,
    [call(ls, 'id64_QmFzaDoz')],
  ],
  'Mistral, a list': [
    `[TOOL_CALLS] [{"name": "Bash", "arguments": {"command": "ls"}, "id": "abcdefghi"}, {"name": "Bash", "arguments": {}}]`,
    [call(ls, 'abcdefghi'), call({})],
  ],
  'Mistral, named': [
    `[TOOL_CALLS]Bash{"command":"} [ls"}[TOOL_CALLS]mcp__files__list[ARGS]{}`,
    [call({ command: '} [ls' }), call({}, 'call_new2', 'mcp__files__list')],
  ],
  'Mistral, with an id': [`[TOOL_CALLS]Bash[CALL_ID]abcdefghi[ARGS]${lsJson}`, [call(ls, 'abcdefghi')]],
  Llama: [`<|python_tag|>{"name": "Bash", "parameters": {"command": "ls"}}`, [call(ls)]],
  'thinking, then text': ['<think>\nHm, 1 < 2.\n</think>\n\nHello', [thinking('Hm, 1 < 2.'), text('Hello')]],
  'thinking after blank text': ['\n <thinking>a</thinking>b', [thinking('a'), text('b')]],
  'thinking, another tag': ['<reasoning>a</think></reasoning>b', [thinking('a</think>'), text('b')]],
  'thinking of Magistral': ['[THINK]a[/THINK]b', [thinking('a'), text('b')]],
  'thinking without words': ['<think>\n\n</think>\n\nb', [text('b')]],
  'thinking without an end': ['<think>a\n', [thinking('a')]],
  'thinking and a call': [
    `<think>a</think>\n\n<tool_call>{"name":"Bash","arguments":${lsJson}}</tool_call>`,
    [thinking('a'), call(ls)],
  ],
};

/** Stays what it is. */
const left: Record<string, string> = {
  'a tool that was not offered': '<tool_call>{"name":"Other","arguments":{}}</tool_call>',
  'one call of two that was not offered':
    '[TOOL_CALLS][{"name":"Bash","arguments":{}},{"name":"Other","arguments":{}}] x',
  'broken JSON': '<tool_call>{"name":"Bash","arguments":{]}</tool_call> and text',
  'JSON that lacks its end': '<tool_call>{"name":"Bash","arguments":{"command":"ls"}</tool_call> and text',
  'arguments that are a list': '<tool_call>{"name":"Bash","arguments":[1]}</tool_call>',
  'an open call': '<tool_call>{"name":"Bash","arguments":{"command":"l',
  'an open Qwen Coder call': '<function=Bash><parameter=command>rm -rf /tmp/x',
  'a GLM call without its end': '<tool_call>Bash<arg_key>command</arg_key><arg_value>rm</arg_value>',
  'junk in a GLM call': '<tool_call>Bash<arg_key>command</arg_key><arg_value>x</arg_value>junk</tool_call>',
  'junk in a Kimi section':
    '<|tool_calls_section_begin|><|tool_call_begin|>functions.Bash:0<|tool_call_argument_begin|>x<|tool_call_end|><|tool_calls_section_end|>',
  'junk in a DeepSeek section':
    '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>Bash<｜tool▁sep｜>no<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
  'a DSML parameter that is none':
    '<｜DSML｜tool_calls><｜DSML｜invoke name="Bash">what</｜DSML｜invoke></｜DSML｜tool_calls>',
  'Llama running Python': '<|python_tag|>print({"name": "Bash"})',
  'a Llama call without a name': '<|python_tag|>{"parameters": {"command": "ls"}}',
  'Mistral without JSON': '[TOOL_CALLS]Bash',
  'the tag by itself': 'Put it between <tool_call> and </tool_call>, like `<tool_call>`.',
  'the beginning of a tag': 'a <tool_c',
  'fenced code': 'See:\n\n```xml\n<tool_call>{"name":"Bash","arguments":{}}</tool_call>\n```\nand ~~~ it',
  'fenced code that is open': '~~~~\n~~~\n<tool_call>{"name":"Bash","arguments":{}}</tool_call>',
  'thinking that begins late': 'Well, <think>a</think>',
  'an end of thinking without its beginning': 'So be it.\n</think>\n\nHello',
  'blank text': ' \n ',
};

const everyCut = (whole: string): string[][] =>
  Array.from({ length: whole.length + 1 }, (_, place) => [whole.slice(0, place), whole.slice(place)]);

describe('MarkupReader', () => {
  it.each(Object.entries(found))('reads %s', (_, [written, blocks]) => {
    const message = read([written]);
    expect(message.content).toEqual(blocks);
    expect(message.stop_reason).toBe(blocks.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn');
    for (const pieces of [...everyCut(written), [...written]]) expect(read(pieces)).toEqual(message);
  });

  it.each(Object.entries(left))('leaves %s', (_, written) => {
    for (const pieces of [[written], ...everyCut(written), [...written]]) {
      expect(read(pieces)).toMatchObject({ content: [text(written)], stop_reason: 'end_turn' });
    }
  });

  it('leaves every call where no tool was offered', () => {
    for (const [written, blocks] of Object.values(found)) {
      if (blocks.every(({ type }) => type !== 'tool_use') || written.startsWith('<think>')) continue;
      expect(read([...written], new Map()).content).toEqual([text(written)]);
    }
  });

  it('reads a call after code, and code after a call', () => {
    const written = '<tool_call>{"name":"Bash"}</tool_call>';
    expect(read([`\`\`\`\n${written}\n\`\`\`\n${written}\`\`\`\n${written}`]).content).toEqual([
      text(`\`\`\`\n${written}\n\`\`\`\n`),
      call({}),
      text(`\`\`\`\n${written}`),
    ]);
  });

  it('lets text go at once, but for what may be a tag', () => {
    const markup = reader();
    const steps = (piece: string) =>
      markup
        .push([{ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: piece } }])
        .map((event) => (event.type === 'content_block_delta' ? Object.values(event.delta)[1] : event.type));
    markup.push([start, { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }]);
    expect(steps('<thi')).toEqual([]);
    expect(steps('nk>Hm')).toEqual(['content_block_start', 'Hm']);
    expect(steps(' so </th')).toEqual([' so']);
    expect(steps('e end ')).toEqual([' </the end']);
    expect(steps('</think>')).toEqual([]);
    expect(steps('\nWell, 1 <')).toEqual(['content_block_stop', 'content_block_start', 'Well, 1 ']);
    expect(steps(' 2 <tool')).toEqual(['< 2 ']);
    expect(steps('_call> is')).toEqual(['<tool_call> is']);
    expect(steps(' a tag <tool_call>{"na')).toEqual([' a tag ']);
    expect(steps('me":"Other","x":"')).toEqual(['<tool_call>{"name":"Other","x":"']);
  });

  it('keeps other blocks, their order and their deltas', () => {
    const events: StreamEvent[] = [
      start,
      { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: '<tool_call>' } },
      { type: 'content_block_stop', index: 0 },
      ...textBlock(1, ['Look.<tool_call>{"name":"Bash"}</tool_call>']),
      {
        type: 'content_block_start',
        index: 2,
        content_block: { type: 'tool_use', id: 'call_new2', name: 'B', input: {} },
      },
      { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '{"a":"<think>"}' } },
      { type: 'content_block_stop', index: 2 },
      ...textBlock(3, ['<think>no</think>', '<tool_call>{"name":"Bash"}</tool_call>']),
      { type: 'ping' },
      ...stop('max_tokens'),
    ];
    const markup = reader();
    const passed = events.flatMap((event) => markup.push([event]));
    expect(checkEventGrammar(passed)).toEqual([]);
    const message = collectMessage(passed);
    expect(message.stop_reason).toBe('max_tokens');
    expect(message.content).toEqual([
      thinking('<tool_call>'),
      text('Look.'),
      call({}),
      call({ a: '<think>' }, 'call_new2', 'B'),
      text('<think>no</think>'),
      call({}, 'call_new2_2'),
    ]);
  });

  it('passes a delta on with what it carries besides its text', () => {
    const markup = reader();
    const delta = (piece: string): StreamEvent => ({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'text_delta', text: piece, openai: { logprobs: [{ token: piece }] } },
    });
    const citation: StreamEvent = {
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'citations_delta', citation: { type: 'web_search_result_location', url: 'https://x.test' } },
    };
    const [opening, closing] = textBlock(0, []) as [StreamEvent, StreamEvent];
    const events = [start, opening, citation, delta('a'), delta('b'), citation, closing, ...stop('end_turn')];
    const passed = events.flatMap((event) => markup.push([event]));
    expect(checkEventGrammar(passed)).toEqual([]);
    expect(
      passed.filter((event) => event === citation || JSON.stringify(event) === JSON.stringify(citation)),
    ).toHaveLength(2);
    expect(passed).toContainEqual(delta('b'));
  });

  it('gives what it held back before an error', () => {
    const markup = reader();
    const error: StreamEvent = { type: 'error', error: { type: 'api_error', message: 'gone' } };
    const [opening] = textBlock(0, []) as [StreamEvent];
    const events = [start, opening, ...textBlock(0, ['a <tool_call>{"name":"Bash"']).slice(1, 2), error];
    const passed = events.flatMap((event) => markup.push([event]));
    expect(checkEventGrammar(passed)).toEqual([]);
    expect(passed.at(-1)).toBe(error);
    const said = passed.map((event) =>
      event.type === 'content_block_delta' && event.delta.type === 'text_delta' ? event.delta.text : '',
    );
    expect(said.join('')).toBe('a <tool_call>{"name":"Bash"');
  });

  it('gives the same message however the text is cut, and loses nothing of other text', () => {
    const word = fc.constantFrom(
      ...['<think>', '</think>', '<tool_call>', '</tool_call>', '{"name":"Bash","arguments":{"command":"ls"}}'],
      ...['<function=Bash>', '</function>', '<parameter=command>', '</parameter>', '[TOOL_CALLS]', '[', '{', '}', '"'],
      ...['Bash', '<arg_key>', '</arg_key>', '<arg_value>', '</arg_value>', '```', '~~~', '\n', ' ', 'a', '<', '世'],
      ...[
        '<|python_tag|>',
        '<|tool_call_begin|>',
        'functions.Bash:0',
        '<|tool_call_argument_begin|>',
        '<|tool_call_end|>',
      ],
      ...[
        '<｜tool▁calls▁begin｜>',
        '<｜tool▁call▁begin｜>',
        '<｜tool▁sep｜>',
        '<｜tool▁call▁end｜>',
        '<｜tool▁calls▁end｜>',
      ],
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 16 }), fc.array(fc.nat(400), { maxLength: 12 }), (words, places) => {
        const whole = words.join('');
        const cuts = [0, ...places.map((place) => place % (whole.length + 1)).sort((a, b) => a - b), whole.length];
        const pieces = cuts.slice(1).map((end, place) => whole.slice(cuts[place], end));
        const message = read(pieces);
        expect(message).toEqual(read([whole]));
        const said = message.content.map((block) => (block.type === 'text' ? block.text : ''));
        const other = message.content.some(({ type }) => type !== 'text') || /^\s*<think>/.test(whole);
        if (!other) expect(said.join('')).toBe(whole);
        let from = 0;
        for (const part of said) {
          const at = whole.indexOf(part, from);
          expect(at).not.toBe(-1);
          from = at + part.length;
        }
      }),
      { numRuns: 2000 },
    );
  });
});
