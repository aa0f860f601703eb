import fc from 'fast-check';
import type { AnswerBlock, ContentBlock } from '../../src-main/protocols/canonical.ts';
import { packState } from '../../src-main/protocols/reasoning-state.ts';
import { base64, image, text, words } from './arbitrary-conversation.ts';

/**
 * Conversations that grow, in no client's dialect yet: what the model answers, and what the client adds to that, with
 * everything in them that agents have been seen to send.
 */

/** What came of one call, by the call's place in the answer. */
export interface GrownResult {
  call: number;
  content: string | ContentBlock[];
  failed: boolean;
}

/** One message of the client's. */
export type Addition =
  | { from: 'user'; results: readonly GrownResult[]; blocks: readonly ContentBlock[]; plain: boolean }
  | { from: 'system'; text: string; plain: boolean };

export interface Growth {
  /** Nothing of it where the model was cut before it said anything. */
  answer: readonly AnswerBlock[];
  added: readonly Addition[];
  /** Tools that are there from here on. */
  tools: readonly string[];
}

export interface GrowingConversation {
  system: string | null;
  opening: readonly Addition[];
  growth: readonly Growth[];
  /** Which of the newest places are marked for the cache, counted from the end. */
  marked: 0 | 1 | 2;
}

/** Who answers, and for whom reasoning is packed. */
export const TARGET = { provider: 'upstream', model: 'upstream-model' };

/** As JSON; what `JSON.parse` makes of them is what JavaScript's clients send. */
const inputs = fc
  .oneof(
    fc.json({ maxDepth: 2 }).filter((json) => json.startsWith('{')),
    fc.constantFrom(
      '{}',
      '{"b":1,"1":[1.0,1e3,-0.0],"0":null}',
      '{"__proto__":{"a":1},"constructor":"c"}',
      '{"id":12345678901234567890,"small":0.1234567890123456789}',
      '{"command":"echo \\"\\u00e9\\ud83d\\ude00\\" \\\\ \\n","lone":"\\ud800"}',
      '{"_raw":"{\\"cut\\": "}',
    ),
  )
  .map((json): unknown => JSON.parse(json));

const toolNames = ['Read', 'Bash', 'mcp__server__tool', `mcp__${'a.long_name/'.repeat(8)}`, '3d_viewer'];
const toolName = fc.constantFrom(...toolNames);
/** Some models count anew in every answer. */
const toolId = fc.oneof(
  fc.constantFrom('call_0', 'call_1', 'id64_ZnVuY3Rpb25zLkJhc2g6MA', `call_${'x'.repeat(70)}`, 'abcDEF123'),
  fc.stringMatching(/^toolu_[A-Za-z0-9]{8,20}$/),
);

const ownState = (id: string) =>
  fc.constantFrom(
    packState({
      dialect: 'openai-chat',
      ...TARGET,
      data: {
        details: [{ type: 'reasoning.text', text: 't' }],
        extra: { [id]: { google: { thought_signature: 's' } } },
      },
    }),
    packState({
      dialect: 'openai-responses',
      ...TARGET,
      data: { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'Z0FB' },
    }),
    packState({ dialect: 'ollama', ...TARGET, data: {} }),
    packState({ dialect: 'anthropic', ...TARGET, data: 'b3du' }),
  );
const foreignState = fc
  .constantFrom('openai-chat', 'openai-responses', 'ollama', 'anthropic')
  .map((dialect) => packState({ dialect: dialect as 'ollama', provider: 'other', model: 'm', data: 'Zm9yZWlnbg' }));
const state = fc.oneof(ownState('call_0'), foreignState, base64);

const thinking = fc.oneof(
  fc.record({ type: fc.constant('thinking' as const), thinking: fc.oneof(words, fc.constant('')), signature: state }),
  words.map((said): AnswerBlock => ({ type: 'thinking', thinking: said, signature: '' })),
  state.map((data): AnswerBlock => ({ type: 'redacted_thinking', data })),
);
const search = fc.tuple(words, fc.constantFrom('', 'c3RhdGU=')).map(([query, encrypted]): AnswerBlock[] => [
  { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query } },
  {
    type: 'web_search_tool_result',
    tool_use_id: 'srvtoolu_1',
    content: [
      { type: 'web_search_result', url: 'https://a.b', title: query, encrypted_content: encrypted, page_age: null },
    ],
  },
]);
const saidText = fc.oneof(
  text as fc.Arbitrary<AnswerBlock>,
  fc.constant<AnswerBlock>({ type: 'text', text: '' }),
  words.map(
    (said): AnswerBlock => ({
      type: 'text',
      text: said,
      citations: [{ type: 'web_search_result_location', url: 'https://a.b', title: 't', encrypted_index: '' }],
    }),
  ),
);
const call = fc
  .record({ id: toolId, name: toolName, input: inputs })
  .map((given): AnswerBlock => ({ type: 'tool_use', ...given }));

const answer = fc
  .array(
    fc.oneof(
      thinking.map((block) => [block as AnswerBlock]),
      saidText.map((block) => [block]),
      fc.array(call, { minLength: 1, maxLength: 3 }),
      search,
    ),
    { maxLength: 4 },
  )
  .map((groups) => groups.flat());

const document = fc.oneof(
  words.map((data): ContentBlock => ({ type: 'document', source: { type: 'text', media_type: 'text/plain', data } })),
  base64.map(
    (data): ContentBlock => ({
      type: 'document',
      source: { type: 'base64', media_type: 'application/pdf', data },
      title: 'a.pdf',
    }),
  ),
);
const blank = fc.constantFrom('', ' \n').map((value): ContentBlock => ({ type: 'text', text: value }));
const reminder = words.map(
  (value): ContentBlock => ({ type: 'text', text: `<system-reminder>\n${value}\n</system-reminder>` }),
);
const userBlock = fc.oneof({ weight: 4, arbitrary: text }, image, document, blank, reminder);
const resultContent = fc.oneof(
  words,
  fc.constantFrom('', ' '),
  fc.array(fc.oneof(text, image, document, fc.constant<ContentBlock>({ type: 'tool_reference', tool_name: 'Read' })), {
    maxLength: 3,
  }),
);

const spoken = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      from: fc.constant('user' as const),
      results: fc.constant<readonly GrownResult[]>([]),
      blocks: fc.array(userBlock, { minLength: 1, maxLength: 3 }),
      plain: fc.boolean(),
    }),
  },
  fc.record({ from: fc.constant('system' as const), text: words, plain: fc.boolean() }),
);

const asked: Addition = { from: 'user', results: [], blocks: [{ type: 'text', text: 'Go on.' }], plain: true };

/** Whether a user has said something, or a tool has: requests that end without either are not asked. */
const saysSomething = (added: readonly Addition[]): boolean =>
  added.some(
    (one) =>
      one.from === 'user' &&
      (one.results.length > 0 || one.blocks.some((block) => block.type !== 'text' || /\S/.test(block.text))),
  );

const growth = fc
  .record({
    answer,
    /** For each call: what came of it, in which order, and in which of two messages; null: nothing. */
    outcomes: fc.array(
      fc.option(fc.record({ content: resultContent, failed: fc.boolean(), order: fc.nat(), late: fc.boolean() }), {
        freq: 6,
      }),
      { minLength: 12, maxLength: 12 },
    ),
    after: fc.array(userBlock, { maxLength: 2 }),
    between: fc.array(spoken, { maxLength: 1 }),
    more: fc.array(spoken, { maxLength: 3 }),
    tools: fc.array(toolName, { maxLength: 1 }),
  })
  .map(({ answer: said, outcomes, after, between, more, tools }): Growth => {
    const calls = said.filter(({ type }) => type === 'tool_use').length;
    const results = outcomes
      .slice(0, calls)
      .flatMap((outcome, place) => (outcome === null ? [] : [{ call: place, ...outcome }]))
      .sort((one, other) => one.order - other.order);
    const message = (late: boolean): Addition[] => {
      const those = results.filter((result) => result.late === late);
      const blocks = late ? [] : after;
      if (those.length + blocks.length === 0) return [];
      return [
        { from: 'user', results: those.map(({ order: _, late: __, ...result }) => result), blocks, plain: false },
      ];
    };
    const added = [...message(false), ...between, ...message(true), ...more];
    return { answer: said, added: saysSomething(added) ? added : [...added, asked], tools };
  });

export const growingConversation: fc.Arbitrary<GrowingConversation> = fc
  .record({
    system: fc.option(words),
    opening: fc.array(spoken, { minLength: 1, maxLength: 3 }),
    growth: fc.array(growth, { minLength: 1, maxLength: 4 }),
    marked: fc.constantFrom(0 as const, 1 as const, 2 as const),
  })
  .map(({ opening, ...rest }) => ({ ...rest, opening: saysSomething(opening) ? opening : [...opening, asked] }));
