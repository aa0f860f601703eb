import fc from 'fast-check';
import type { ContentBlock, Message, MessagesRequest } from '../../src-main/protocols/canonical.ts';

/** Conversations as an agent has them: valid, with everything in them that every dialect can say in some way. */

/** Never blank: blank texts are dropped on purpose. */
export const words = fc
  .tuple(fc.constantFrom('a', 'Grüße', '世界', '😀', '"q"', '\\n'), fc.string({ unit: 'grapheme', maxLength: 30 }))
  .map(([first, rest]) => `${first}${rest}`.trimEnd());
export const base64 = fc
  .uint8Array({ minLength: 3, maxLength: 12 })
  .map((bytes) => Buffer.from(bytes).toString('base64'));

export const text = words.map((value): ContentBlock => ({ type: 'text', text: value }));
export const image = base64.map(
  (data): ContentBlock => ({ type: 'image', source: { type: 'base64', media_type: 'image/png', data } }),
);
const input = fc.dictionary(fc.string({ maxLength: 8 }), fc.oneof(fc.string(), fc.integer(), fc.boolean()), {
  maxKeys: 4,
  noNullPrototype: true,
});
const toolName = fc.oneof(
  fc.constantFrom('Read', 'Bash', 'mcp__server__tool'),
  fc.stringMatching(/^mcp__[a-z.]{60,90}$/),
);
const toolId = fc.oneof(
  fc.stringMatching(/^toolu_[A-Za-z0-9]{8,20}$/),
  fc.stringMatching(/^call_[A-Za-z0-9_-]{60,80}$/),
);

interface Step {
  before: ContentBlock[];
  calls: { id: string; name: string; input: unknown; result: ContentBlock[] | string; failed: boolean }[];
  after: ContentBlock[];
}

const step: fc.Arbitrary<Step> = fc.record({
  before: fc.array(text, { maxLength: 2 }),
  calls: fc.array(
    fc.record({
      id: toolId,
      name: toolName,
      input,
      result: fc.oneof(words, fc.array(fc.oneof(text, image), { minLength: 1, maxLength: 3 })),
      failed: fc.boolean(),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  after: fc.array(text, { maxLength: 1 }),
});

function messagesOf({ before, calls, after }: Step, reversed: boolean): Message[] {
  const results = calls.map(
    ({ id, result, failed }): ContentBlock => ({
      type: 'tool_result',
      tool_use_id: id,
      content: result,
      ...(failed ? { is_error: true } : {}),
    }),
  );
  return [
    {
      role: 'assistant',
      content: [
        ...before,
        ...calls.map(({ id, name, input: given }) => ({ type: 'tool_use' as const, id, name, input: given })),
      ],
    },
    // Clients send results as they complete.
    { role: 'user', content: [...(reversed ? results.reverse() : results), ...after] },
  ];
}

const userTurn = fc
  .tuple(fc.array(image, { maxLength: 1 }), text)
  .map(([images, last]): Message => ({ role: 'user', content: [...images, last] }));
const spoken = fc
  .array(text, { minLength: 1, maxLength: 2 })
  .map((content): Message => ({ role: 'assistant', content }));

/** Ends with a user's turn. No tool use id stands twice. */
export const arbitraryConversation: fc.Arbitrary<MessagesRequest> = fc
  .record({
    system: fc.option(words, { nil: undefined }),
    first: userTurn,
    rounds: fc.array(
      fc.oneof(
        fc.tuple(step, fc.boolean()).map(([one, reversed]) => messagesOf(one, reversed)),
        fc.tuple(spoken, userTurn).map(([said, asked]) => [said, asked]),
      ),
      { maxLength: 4 },
    ),
  })
  .map(({ system, first, rounds }): MessagesRequest => {
    const messages = [first, ...rounds.flat()];
    const names = new Set<string>();
    for (const { content } of messages)
      if (typeof content !== 'string')
        for (const block of content) if (block.type === 'tool_use') names.add(block.name);
    return {
      model: 'm',
      max_tokens: 4096,
      ...(system === undefined ? {} : { system }),
      messages,
      ...(names.size === 0
        ? {}
        : {
            tools: [...names].map((name) => ({
              name,
              description: `Does ${name}`,
              input_schema: { type: 'object', properties: { a: { type: 'string' } } },
            })),
          }),
    };
  })
  .filter(({ messages }) => {
    const ids = messages.flatMap(({ content }) =>
      typeof content === 'string' ? [] : content.flatMap((block) => (block.type === 'tool_use' ? block.id : [])),
    );
    return new Set(ids).size === ids.length;
  });
