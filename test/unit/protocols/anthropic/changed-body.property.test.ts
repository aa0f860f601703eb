import fc from 'fast-check';
import { expect, it } from 'vitest';
import { changedMessages } from '../../../../src-main/protocols/anthropic/changed-body.ts';
import { reasoningEfforts } from '../../../../src-main/protocols/effort.ts';
import { encodeTarget } from '../../../helpers/codec-contexts.ts';
import { refusals, strictModels } from '../../../helpers/strict-anthropic.ts';

const thought = { type: 'thinking', thinking: 'hm', signature: 'EqQBCgIYAhIM' };
const call = { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: { command: 'ls' } };
const result = { type: 'tool_result', tool_use_id: 'toolu_1', content: 'ok' };
const user = (content: unknown) => ({ role: 'user', content });
const assistant = (...content: unknown[]) => ({ role: 'assistant', content });

const conversation = fc.constantFrom(
  [user('hi')],
  [user('hi'), assistant({ type: 'text', text: 'hello' }), user('go on')],
  [user('hi'), assistant(call), user([result])],
  [user('hi'), assistant(thought, call), user([result])],
  [user('hi'), assistant(thought, call), user([result]), assistant({ type: 'text', text: 'done' }), user('and?')],
);

const request = fc.record(
  {
    model: fc.constantFrom(...strictModels),
    max_tokens: fc.constantFrom(64, 1500, 8000, 32_000),
    messages: conversation,
    tools: fc.constant([{ name: 'Bash', input_schema: { type: 'object' } }]),
    thinking: fc.constantFrom(
      { type: 'adaptive' },
      { type: 'adaptive', display: 'omitted' },
      { type: 'disabled' },
      { type: 'between_tools' },
      { type: 'enabled', budget_tokens: 1024 },
      { type: 'enabled', budget_tokens: 6000 },
    ),
    output_config: fc.record({ effort: fc.constantFrom('low', 'high', 'xhigh', 'max') }),
    temperature: fc.constantFrom(0, 0.5, 1),
    top_p: fc.constantFrom(0.5, 0.99),
    top_k: fc.constantFrom(1, 40),
    tool_choice: fc.constantFrom({ type: 'auto' }, { type: 'any' }, { type: 'tool', name: 'Bash' }),
    system: fc.constantFrom(
      '',
      ' ',
      'Be brief.',
      [],
      [{ type: 'text', text: 'A', cache_control: { type: 'ephemeral' } }],
    ),
  },
  { requiredKeys: ['model', 'max_tokens', 'messages', 'tools'] },
);

const changes = fc.record(
  {
    maxTokens: fc.constantFrom(1, 1000, 2000, 9000),
    effort: fc.constantFrom(...reasoningEfforts),
    temperature: fc.constantFrom(0, 0.7, 2),
    system: fc.constant('Be kind.'),
  },
  { requiredKeys: [] },
);

it('a request that Anthropic takes is one that it takes with any change', () => {
  fc.assert(
    fc.property(request, changes, (body, wanted) => {
      fc.pre(refusals(body).length === 0);
      const target = { ...encodeTarget({ model: body.model }), passesThrough: true };
      const { bytes, told } = changedMessages(Buffer.from(JSON.stringify(body)), wanted, target);
      const changed: unknown = JSON.parse(bytes.toString());
      expect({ refusals: refusals(changed), body, wanted, changed }).toMatchObject({ refusals: [] });
      expect(told.every((text) => text !== '')).toBe(true);
    }),
    { numRuns: 300, maxSkipsPerRun: 1000 },
  );
});
