/** Requests in the shape in which Claude Code sends them, with as much in them as routing looks at. */

type Json = Record<string, unknown>;

/** What each of its requests bears. */
export const claudeCodeHeaders: Readonly<Record<string, string>> = {
  'user-agent': 'claude-cli/2.1.330 (external, cli)',
  'x-app': 'cli',
  'x-claude-code-session-id': '3f2c6f1e-6a2a-4d2c-9f5e-0f4a1f6b7c11',
};

/** A PNG of one dot. */
export const dot = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';

const cached = { cache_control: { type: 'ephemeral' } };
const text = (words: string): Json => ({ type: 'text', text: words });
const tool = (name: string): Json => ({
  name,
  description: `What ${name} does`,
  input_schema: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] },
});
const system = (project: string): Json[] => [
  text('x-anthropic-billing-header: cc_version=2.1.330; cc_entrypoint=cli;'),
  { ...text("You are Claude Code, Anthropic's official CLI for Claude."), ...cached },
  {
    ...text(`Be brief.\n\n# Environment\n - Primary working directory: ${project}\n - Is a git repository: true`),
    ...cached,
  },
];

/** A turn of the conversation: tools, an environment block, adaptive thinking. */
export function turn(model: string, rest: Json = {}): Json {
  return {
    model,
    messages: [
      {
        role: 'user',
        content: [text('<system-reminder>\nAs you answer …\n</system-reminder>'), text('Mend the test.')],
      },
    ],
    system: system('/home/user/project'),
    tools: ['Agent', 'Bash', 'Edit', 'Read', 'mcp__tickets__search'].map(tool),
    metadata: { user_id: '{"device_id":"0","account_uuid":"","session_id":"1"}' },
    max_tokens: 64_000,
    thinking: { type: 'adaptive', display: 'omitted' },
    output_config: { effort: 'medium' },
    stream: true,
    ...rest,
  };
}

/** The next step of such a turn: what the Read tool has seen is an image, or text. */
export function step(model: string, content: unknown, rest: Json = {}): Json {
  const call = { type: 'tool_use', id: 'toolu_01', name: 'Read', input: { command: 'look' } };
  return turn(model, {
    messages: [
      { role: 'user', content: [text('Look at it.')] },
      { role: 'assistant', content: [call] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_01', content }] },
    ],
    ...rest,
  });
}

export const image: readonly Json[] = [
  { type: 'image', source: { type: 'base64', media_type: 'image/png', data: dot } },
];

export const pdf: Json = {
  type: 'document',
  source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0xLjQKJSVFT0YK' },
};

/** WebSearch: the provider's own search is the only tool. */
export const webSearch = (model: string): Json => ({
  model,
  messages: [{ role: 'user', content: [text('Perform a web search for the query: the sky')] }],
  system: [text('You are an assistant for performing a web search tool use')],
  tools: [{ type: 'web_search_20250305', name: 'web_search', max_uses: 8 }],
  tool_choice: { type: 'auto' },
  max_tokens: 64_000,
  stream: true,
});

/** `/compact`: the conversation as it was, and then the wish for a summary. */
export function compaction(model: string): Json {
  const body = turn(model);
  const wish =
    'CRITICAL: Respond with TEXT ONLY. Do NOT call any tools.\n\nYour task is to create a detailed summary of the conversation so far …';
  return {
    ...body,
    messages: [
      ...(body.messages as Json[]),
      { role: 'assistant', content: [text('It is mended.')] },
      { role: 'user', content: [text(wish)] },
    ],
  };
}

/** The name of a session, asked of the small model. */
export const title = (model: string): Json => ({
  model,
  messages: [{ role: 'user', content: 'Mend the test.' }],
  system: [text('Generate a concise, sentence-case title (3-7 words) that captures the main topic of this session.')],
  tools: [],
  max_tokens: 32_000,
  stream: true,
});

/** A small question beside the conversation. */
export const background = (model: string): Json => ({
  model,
  messages: [{ role: 'user', content: 'What does `git push` do, in a word?' }],
  max_tokens: 512,
  stream: true,
});

/** Auto mode's check of a command. */
export const classifier = (model: string): Json => ({
  model,
  messages: [{ role: 'user', content: [text('Judge this command: rm -rf build')] }],
  system: [text('You judge commands.')],
  stop_sequences: ['</severity>'],
  thinking: { type: 'disabled' },
  max_tokens: 64,
});
