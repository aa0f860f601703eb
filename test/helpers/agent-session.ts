import type { AnswerMessage } from '../../src-main/protocols/canonical.ts';

type Json = Record<string, unknown>;

/** A PNG of one pixel. */
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const tool = (name: string, properties: Json, rest: Json = {}): Json => ({
  name,
  description: `Does ${name}.`,
  input_schema: {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  },
  ...rest,
});

/** Beyond 64 characters, as tools of MCP servers come to be named. */
export const LONG_NAME = `mcp__a_server_with_a_long_name__${'and_a_tool_with_one_too_'.repeat(3)}`;

const TOOLS: readonly Json[] = [
  tool('Bash', { command: { type: 'string' }, timeout: { type: 'number', exclusiveMinimum: 0, default: null } }),
  tool('Read', { file_path: { type: 'string' }, limit: { type: ['integer', 'null'] } }),
  tool('ListMcpResources', {}),
  { name: LONG_NAME, input_schema: { $ref: '#/$defs/In', $defs: { In: { type: 'object', properties: { q: {} } } } } },
  { name: 'mcp__odd__either', input_schema: { anyOf: [{ type: 'object', properties: { a: { const: 1 } } }] } },
  tool('mcp__late__one', { mode: { type: 'string', enum: [] } }, { defer_loading: true }),
  { name: '3d_viewer', description: 'Begins with a digit.', input_schema: { type: 'object' } },
];

/** What comes of one call; `nothing`: the client sends no result at all. */
export type Outcome = 'text' | 'image' | 'error' | 'empty' | 'references' | 'nothing';

/**
 * A client that holds a conversation as Claude Code does: what it sends besides the conversation, where its cache marks
 * stand, the system message in the middle, tool results in the order of completion, and reminders behind them.
 */
export class AgentSession {
  readonly #messages: Json[] = [];
  readonly #model: string;
  readonly #isSubagent: boolean;

  constructor(model: string, task: string, isSubagent = false) {
    this.#model = model;
    this.#isSubagent = isSubagent;
    this.#messages.push({
      role: 'user',
      content: [
        { type: 'text', text: '<system-reminder>\nToday is Monday.\n</system-reminder>' },
        { type: 'text', text: task },
      ],
    });
    if (!isSubagent)
      this.#messages.push({
        role: 'system',
        content: 'Agents: general-purpose, Explore.',
        output_config: { effort: 'high' },
      });
  }

  /** The next request's body. @param more a message for this request alone, such as the one that asks for a summary. */
  body(more?: string): Json {
    const messages = more === undefined ? [...this.#messages] : [...this.#messages, { role: 'user', content: more }];
    const last = messages.at(-1) as Json;
    messages[messages.length - 1] = { ...last, content: markedEnd(last.content) };
    return {
      model: this.#model,
      messages,
      system: [
        { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.330.a1b; cc_entrypoint=cli;' },
        { type: 'text', text: 'You are Claude Code.', cache_control: { type: 'ephemeral' } },
        { type: 'text', text: 'Long instructions. 世界', cache_control: { type: 'ephemeral', ttl: '1h' } },
      ],
      tools: this.#isSubagent ? TOOLS.slice(0, 2) : TOOLS,
      metadata: {
        user_id: JSON.stringify({ device_id: 'd'.repeat(64), account_uuid: '', session_id: 's-1' }),
      },
      max_tokens: 32_000,
      thinking: { type: 'adaptive', display: 'updates' },
      context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
      output_config: { effort: 'high' },
      stream: true,
    };
  }

  /** Takes an answer into the conversation and says what came of its calls, the last of them first. */
  take({ content }: Pick<AnswerMessage, 'content'>, outcomes: readonly Outcome[], said: readonly string[]): void {
    if (content.length > 0) this.#messages.push({ role: 'assistant', content });
    const calls = content.filter((block) => block.type === 'tool_use');
    const results = calls.flatMap(({ id }, index) => resultOf(id, outcomes[index % outcomes.length] ?? 'text'));
    const blocks = [...results.reverse(), ...said.map((text) => ({ type: 'text', text }))];
    this.#messages.push({ role: 'user', content: blocks });
  }
}

function resultOf(tool_use_id: string, outcome: Outcome): Json[] {
  const result = { type: 'tool_result', tool_use_id };
  switch (outcome) {
    case 'text':
      return [{ ...result, content: `result of ${tool_use_id}` }];
    case 'image':
      return [
        {
          ...result,
          content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } }],
        },
      ];
    case 'error':
      return [{ ...result, content: 'exit code 1', is_error: true }];
    case 'empty':
      return [{ ...result, content: '' }];
    case 'references':
      return [{ ...result, content: [{ type: 'tool_reference', tool_name: 'mcp__late__one' }] }];
    case 'nothing':
      return [];
  }
}

function markedEnd(content: unknown): unknown {
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : (content as Json[]);
  return blocks.map((block, index) =>
    index === blocks.length - 1 ? { ...block, cache_control: { type: 'ephemeral' } } : block,
  );
}
