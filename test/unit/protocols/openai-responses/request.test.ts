import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ContentBlock, Message, MessagesRequest, Tool } from '../../../../src-main/protocols/canonical.ts';
import type { EncodeTarget, Quirks } from '../../../../src-main/protocols/codec.ts';
import { openaiResponsesCodec } from '../../../../src-main/protocols/openai-responses/codec.ts';
import { ProxyError } from '../../../../src-shared/errors.ts';
import { collect } from '../../../helpers/answers.ts';
import { encodeTarget } from '../../../helpers/codec-contexts.ts';
import { answerNames, decodePieces, readAnswer } from './answers.ts';

type Changes = Partial<Omit<EncodeTarget, 'quirks' | 'refused'>> & { quirks?: Partial<Quirks>; refused?: string[] };

function encode(request: Partial<MessagesRequest>, { refused, ...changes }: Changes = {}) {
  const target = encodeTarget({ ...changes, refused: new Set(refused) });
  const whole = { model: 'm', messages: [{ role: 'user' as const, content: 'Go.' }], ...request };
  const { body, ...rest } = openaiResponsesCodec.encodeRequest(whole, target);
  return { ...rest, json: Buffer.from(body).toString(), body: JSON.parse(Buffer.from(body).toString()) };
}

const folder = new URL('../../../fixtures/openai-responses/requests/', import.meta.url);

interface Golden {
  about: string;
  target: Changes;
  request: MessagesRequest;
  body: unknown;
  toolNames: Record<string, string>;
  warnings: string[];
  stopSequences: string[];
}

describe('recorded requests', () => {
  it.each(readdirSync(folder))('%s', (file) => {
    const golden = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Golden;
    const { body, toolNames, warnings, stopSequences } = encode(golden.request, golden.target);
    expect(body).toEqual(golden.body);
    expect(Object.fromEntries(toolNames)).toEqual(golden.toolNames);
    expect(warnings).toEqual(golden.warnings);
    expect(stopSequences).toEqual(golden.stopSequences);
  });
});

describe('parameters that were refused before', () => {
  const thinking = { type: 'adaptive' as const };

  it('are left out', () => {
    const request = { thinking, output_config: { effort: 'low' as const } };
    const reasoningOf = (refused: string[]) => encode(request, { refused }).body.reasoning;
    expect(reasoningOf([])).toEqual({ effort: 'low', summary: 'auto' });
    expect(reasoningOf(['reasoning'])).toBeUndefined();
    expect(encode(request, { refused: ['include', 'store', 'unknown', 'unknown.too'] }).json).not.toMatch(
      /include|store/,
    );
  });

  it('may be the marks for the cache', () => {
    const system = [{ type: 'text' as const, text: 'Be brief.', cache_control: { type: 'ephemeral' as const } }];
    const quirks = { cacheMarks: 'prompt_cache_breakpoint' as const };
    expect(encode({ system }, { quirks }).body.instructions).toBeUndefined();
    const { body, json } = encode({ system }, { quirks, refused: ['prompt_cache_breakpoint'] });
    expect(body.instructions).toBe('Be brief.');
    expect(json).not.toContain('prompt_cache_breakpoint');
  });
});

describe('tools', () => {
  const search: Tool = { type: 'web_search_20250305', name: 'web_search' };
  const named = (name: string): Tool => ({ name, input_schema: { type: 'object', properties: {} } });

  it('that are all unknown to the provider make an error, unless none may be called', () => {
    const error = (() => {
      try {
        encode({ tools: [search] });
      } catch (thrown) {
        return thrown;
      }
      return null;
    })();
    expect(error).toBeInstanceOf(ProxyError);
    expect(error).toMatchObject({ code: 'server_tool_unsupported' });
    expect(encode({ tools: [search], tool_choice: { type: 'none' } }).body).not.toHaveProperty('tools');
  });

  it('are translated once for each kind of target', () => {
    const tools = Object.freeze([search, named('A')]) as Tool[];
    const count = (quirks: Partial<Quirks>) => encode({ tools }, { quirks }).body.tools.length;
    expect([count({ searchesWeb: true }), count({}), count({ searchesWeb: true }), count({ toolLimit: 1 })]).toEqual([
      2, 1, 2, 1,
    ]);
    expect(encode({ tools }, { quirks: { toolLimit: 1, searchesWeb: true } }).warnings).toEqual([
      'Only the first 1 tools were sent.',
    ]);
  });

  it('of a list that is not frozen may change', () => {
    const tools = [named('A')];
    expect(encode({ tools }).body.tools[0].name).toBe('A');
    tools[0] = named('B');
    expect(encode({ tools }).body.tools[0].name).toBe('B');
  });

  it('are chosen by the name that is sent; without tools there is no choice', () => {
    const name = 'with.dots';
    const chosen = (tool_choice: MessagesRequest['tool_choice'], tools = [named(name)]) =>
      encode({ tools, ...(tool_choice === undefined ? {} : { tool_choice }) });
    const sent = encode({ tools: [named(name)] }).body.tools[0].name;
    expect(chosen({ type: 'tool', name }).body.tool_choice).toEqual({ type: 'function', name: sent });
    expect(chosen({ type: 'any' }).body.tool_choice).toBe('required');
    expect(chosen({ type: 'auto' }).body.tool_choice).toBe('auto');
    expect(chosen({ type: 'none' }).body.tool_choice).toBe('none');
    expect(chosen(undefined).body).not.toHaveProperty('tool_choice');
    expect(chosen({ type: 'any', disable_parallel_tool_use: true }, []).json).not.toMatch(/tool/);
    const gone = chosen({ type: 'tool', name: 'gone' });
    expect(gone.body).not.toHaveProperty('tool_choice');
    expect(gone.warnings).toEqual(["tool_choice names 'gone', which is not among the tools sent, and was left out."]);
  });

  it("of OpenAI's own go to OpenAI as they came, its web search elsewhere as the server's own", () => {
    const builtin = { type: 'web_search', search_context_size: 'low' };
    const tool: Tool = { ...search, openai: { builtin } };
    const tools = [tool, { name: 'mcp', type: 'openai_builtin', openai: { builtin: { type: 'mcp' } } }];
    expect(encode({ tools }, { quirks: { isOpenai: true } }).body.tools).toEqual([builtin, { type: 'mcp' }]);
    const elsewhere = encode({ tools }, { quirks: { searchesWeb: true } });
    expect(elsewhere.body.tools).toEqual([{ type: 'web_search' }]);
    expect(elsewhere.warnings).toEqual(["Tool 'mcp' runs at OpenAI's servers and was left out."]);
  });
});

describe('who asks', () => {
  it('is named to OpenAI as its client named it, else by a hash', () => {
    const fieldsOf = (request: Partial<MessagesRequest>, quirks: Partial<Quirks>) => {
      const { user, safety_identifier, prompt_cache_key } = encode(request, { quirks, session: 'x'.repeat(65) }).body;
      return { user, safety_identifier, prompt_cache_key };
    };
    const hashed = expect.stringMatching(/^[0-9a-f]{64}$/);
    const metadata = { user_id: 'someone' };
    expect(fieldsOf({ metadata }, { isOpenai: true })).toEqual({ safety_identifier: hashed, prompt_cache_key: hashed });
    expect(fieldsOf({ metadata }, {})).toEqual({ user: hashed });
    const named = { metadata, openai: { shared: { user: 'someone' } } };
    expect(fieldsOf(named, { isOpenai: true })).toEqual({ user: 'someone', prompt_cache_key: hashed });
  });
});

describe('what this target thought', () => {
  it.each(answerNames.filter((name) => name.startsWith('reasoning-') && name !== 'reasoning-says-nothing'))(
    '%s goes back as it came, before what it led to',
    (name) => {
      const stream = readAnswer(name);
      const content = collect(decodePieces([stream])).message?.content ?? [];
      const messages: Message[] = [
        { role: 'user', content: 'Go.' },
        { role: 'assistant', content: content as ContentBlock[] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content: 'ok' }] },
      ];
      const done =
        stream
          .toString()
          .split('\n')
          .findLast((line) => line.startsWith('data: ')) ?? '';
      const { output } = JSON.parse(done.slice('data: '.length)).response;
      const { input } = encode({ messages }).body;
      expect(input[1]).toEqual(output[0]);
      expect(input[2].type).toBe(output[1].type);
      expect(JSON.stringify(encode({ messages }, { provider: 'another' }).body.input)).not.toContain('rs_a');
    },
  );
});

describe('any conversation', () => {
  const text = fc.string({ minLength: 1, maxLength: 5 }).map((value): ContentBlock => ({ type: 'text', text: value }));
  const assistantBlock = fc.oneof(
    text,
    fc
      .record({ id: fc.string({ minLength: 1, maxLength: 3 }), name: fc.string({ minLength: 1, maxLength: 70 }) })
      .map(({ id, name }): ContentBlock => ({ type: 'tool_use', id, name, input: { id } })),
    fc.constant<ContentBlock>({ type: 'thinking', thinking: 'Hm.', signature: 'abc' }),
  );
  const assistant = fc.array(assistantBlock, { minLength: 1, maxLength: 5 });
  /** Results in any order, some left out, some twice, some of nobody. */
  const answers = fc.array(fc.record({ pick: fc.nat(6), error: fc.boolean() }), { maxLength: 6 });
  const turn = fc.record({ blocks: assistant, answers, says: fc.array(text, { maxLength: 2 }), system: fc.boolean() });

  function conversation(turns: readonly (typeof turn extends fc.Arbitrary<infer T> ? T : never)[]): Message[][] {
    const steps: Message[][] = [[{ role: 'user', content: 'Go.' }]];
    for (const { blocks, answers: given, says, system } of turns) {
      const ids = blocks.flatMap((block) => (block.type === 'tool_use' ? block.id : []));
      const results = given.map(
        ({ pick, error }): ContentBlock => ({
          type: 'tool_result',
          tool_use_id: ids[pick] ?? 'nobody',
          content: 'ok',
          is_error: error,
        }),
      );
      steps.push([
        { role: 'assistant', content: blocks },
        { role: 'user', content: [...results, ...says, { type: 'text', text: 'Next.' }] },
        ...(system ? [{ role: 'system' as const, content: 'By the way.' }] : []),
      ]);
    }
    return steps;
  }

  type Item = { type: string; call_id?: string; role?: string; content?: { text: string }[] };

  it('makes ids unique that a server has counted anew in each answer', () => {
    const step: Message[] = [
      { role: 'assistant', content: [{ type: 'tool_use', id: 'call_0', name: 'Read', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_0', content: 'x' }] },
    ];
    const input: Item[] = encode({ messages: [{ role: 'user', content: 'Go.' }, ...step, ...step] }).body.input;
    expect(input.flatMap(({ call_id }) => call_id ?? [])).toEqual(['call_0', 'call_0', 'call_0_2', 'call_0_2']);
  });

  it('has one output for each call, after it, and keeps its order', () => {
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 4 }), (turns) => {
        const messages = conversation(turns).flat();
        const input: Item[] = encode({ messages }).body.input;
        let open: string[] = [];
        for (const { type, call_id, role } of input) {
          if (type === 'function_call') open.push(call_id ?? '');
          else if (type === 'function_call_output') expect(open.shift()).toBe(call_id);
          else if (role === 'user') expect(open).toEqual([]);
        }
        expect(open).toEqual([]);
        open = [];
        const said = input.flatMap(({ role, content }) => (role === 'assistant' ? (content ?? []) : []));
        const texts = turns.flatMap(({ blocks }) =>
          blocks.flatMap((block) => (block.type === 'text' ? block.text : [])),
        );
        expect(said.map((part) => part.text)).toEqual(texts);
      }),
      { numRuns: 200 },
    );
  });

  it('begins as it began before it went on', () => {
    const quirks = fc.constantFrom<Partial<Quirks>>(
      {},
      { isOpenai: true, cacheMarks: 'prompt_cache_breakpoint', takesSystemAnywhere: true },
    );
    fc.assert(
      fc.property(fc.array(turn, { minLength: 1, maxLength: 4 }), quirks, (turns, target) => {
        const steps = conversation(turns);
        const inputs = steps.map((_, place) => {
          const { input } = encode({ messages: steps.slice(0, place + 1).flat() }, { quirks: target }).body;
          return (input as unknown[]).map((item) => JSON.stringify(item));
        });
        for (const [place, input] of inputs.slice(1).entries())
          expect(input.slice(0, inputs[place]?.length)).toEqual(inputs[place]);
      }),
      { numRuns: 200 },
    );
  });
});
