import { hash } from 'node:crypto';
import type { ConfigInput } from '../../src-shared/config.ts';
import { readAsked } from '../conformance/upstreams.ts';
import {
  answer,
  type Frame,
  fail,
  type PartialUsage,
  type Script,
  type Step,
  type ToolPart,
  type UpstreamProtocol,
  type UpstreamRequest,
} from './scriptable-upstream.ts';
import { refusals } from './strict-anthropic.ts';
import { ollamaRefusals } from './strict-ollama.ts';
import { type ChatVendor, chatRefusals, responsesRefusals } from './strict-openai.ts';

/**
 * Vendors behind a real agent: each gives out a reasoning state of its own with every turn, and looks whether exactly that
 * comes back, to it and to nobody else.
 */

type Json = Record<string, unknown>;
type ProviderInput = NonNullable<ConfigInput['providers']>[number];

const record = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const list = (value: unknown): Json[] => (Array.isArray(value) ? value.map(record) : []);
const strings = (...values: unknown[]): string[] =>
  values.filter((value) => typeof value === 'string' && value !== '') as string[];

/** One answer of a vendor that calls tools. */
interface Given {
  vendor: string;
  conversation: string;
  /** Counts the answers of its conversation. */
  turn: number;
  thought: string;
  /** Opaque; fits the alphabet of every vendor's states, and so is found in any request as it is. */
  state: string;
  said: string;
  tools: (ToolPart & { id: string })[];
  usage: PartialUsage;
}

/** A turn of the assistant, as a vendor is told of it. */
interface SeenTurn {
  calls: string[];
  states: string[];
  thoughts: string[];
  phases: string[];
}

export interface AgentVendor {
  readonly id: string;
  readonly model: string;
  readonly protocol: UpstreamProtocol;
  provider(baseUrl: string): ProviderInput;
  give(given: Given): Step;
  /** The turns that call tools. */
  read(body: Json): SeenTurn[];
  /** What it would refuse whatever it has given out itself. */
  refusals(body: Json): string[];
  /** How it says that a prompt has more tokens than its window. */
  overflow(tokens: number, window: number): Step;
  /** What of its own turns it must get back. */
  readonly wants: { state: boolean; thought: boolean; phase: boolean };
  /** Gets what others thought as well: it wants some thinking with every message. */
  readonly takesThoughts?: true;
}

const STATE = /State([a-z]+)X([a-z]+)X(\d+)Q/g;
const stateOf = (conversation: string, vendor: string, turn: number): string =>
  `State${conversation}X${vendor}X${turn}Q`;

/** Fields of its beta headers that Claude Code sends, and that the strict reading of the plain API does not know. */
const BETA_FIELDS = /^(?:context_management|safeguards): Extra inputs/;

const anthropicVendor = (id: string, model: string, provider: (baseUrl: string) => ProviderInput): AgentVendor => ({
  id,
  model,
  protocol: 'anthropic',
  provider,
  give: ({ thought, state, said, tools, usage, turn }) =>
    answer([{ type: 'thinking', text: thought, signature: state }, { type: 'text', text: said }, ...tools], {
      usage,
      wire: { randomChunks: turn, fragment: 9 },
    }),
  read: ({ messages }) =>
    list(messages)
      .filter(({ role }) => role === 'assistant')
      .map(({ content }) => {
        const blocks = list(content);
        const thinking = blocks.filter(({ type }) => type === 'thinking' || type === 'redacted_thinking');
        return {
          calls: blocks.filter(({ type }) => type === 'tool_use').map((block) => String(block.id)),
          // An empty signature too: it is refused.
          states: thinking.map(({ signature, data }) => String(signature ?? data)),
          thoughts: strings(...thinking.map((block) => block.thinking)),
          phases: [],
        };
      })
      .filter(({ calls }) => calls.length > 0),
  refusals: (body) => refusals(body).filter((problem) => !BETA_FIELDS.test(problem)),
  overflow: (tokens, window) =>
    fail(400, { type: 'invalid_request_error', message: `prompt is too long: ${tokens} tokens > ${window} maximum` }),
  wants: { state: true, thought: true, phase: false },
});

/** How a vendor of Chat Completions tells its thinking, and its state on the first call. */
interface ChatWays {
  rules: ChatVendor;
  thinks(given: Given): Json[];
  callExtra?(given: Given): Json;
  wants: AgentVendor['wants'];
  takesThoughts?: true;
}

const chatVendor = (id: string, model: string, quirks: ProviderInput['quirks'], ways: ChatWays): AgentVendor => ({
  id,
  model,
  protocol: 'openai-chat',
  provider: (baseUrl) => ({ id, type: 'openai-compatible', baseUrl, models: [model], key: 'env:KEY', quirks }),
  give: (given) => ({ kind: 'frames', frames: chatFrames(model, given, ways), wire: { randomChunks: given.turn } }),
  read: ({ messages }) =>
    list(messages).flatMap((message) => {
      const calls = list(message.tool_calls);
      if (calls.length === 0) return [];
      const details = list(message.reasoning_details);
      const extra = calls.flatMap((call) => strings(record(record(call.extra_content).google).thought_signature));
      return {
        calls: calls.map((call) => String(call.id)),
        states: [
          ...strings(...details.map(({ data }) => data)),
          ...extra.filter((state) => !state.startsWith('skip_')),
        ],
        thoughts: strings(message.reasoning_content, ...details.map(({ text }) => text)),
        phases: [],
      };
    }),
  refusals: (body) => chatRefusals(body, ways.rules),
  overflow: (tokens, window) =>
    fail(400, {
      type: 'invalid_request_error',
      message: `This model's maximum context length is ${window} tokens. However, your messages resulted in ${tokens} tokens.`,
    }),
  wants: ways.wants,
  ...(ways.takesThoughts === undefined ? {} : { takesThoughts: ways.takesThoughts }),
});

function chatFrames(model: string, given: Given, { thinks, callExtra }: ChatWays): (Frame | Json)[] {
  const { said, tools, usage, turn } = given;
  const head = { id: `chatcmpl-${turn}`, object: 'chat.completion.chunk', created: 1_790_000_000, model };
  const chunk = (delta: Json, finish_reason: string | null = null): Json => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason }],
  });
  const prompt_tokens = (usage.input ?? 0) + (usage.cacheRead ?? 0);
  const completion_tokens = usage.output ?? 0;
  return [
    chunk({ role: 'assistant', content: '' }),
    ...thinks(given).map((delta) => chunk(delta)),
    chunk({ content: said }),
    ...tools.map(({ id, name, input }, index) =>
      chunk({
        tool_calls: [
          {
            index,
            id,
            type: 'function',
            function: { name, arguments: JSON.stringify(input) },
            ...(index === 0 && callExtra !== undefined ? { extra_content: callExtra(given) } : {}),
          },
        ],
      }),
    ),
    chunk({}, tools.length > 0 ? 'tool_calls' : 'stop'),
    {
      ...head,
      choices: [],
      usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
    },
    { data: '[DONE]' },
  ];
}

/** A text in pieces that cut words. */
const pieces = (text: string): string[] => text.match(/.{1,11}/gsu) ?? [];

const openrouter = chatVendor(
  'openrouter',
  'thinker-via-router',
  {
    reasoningFormat: 'reasoning',
    returnsReasoningDetails: true,
    takesSystemAnywhere: true,
    cacheMarks: 'cache_control',
  },
  {
    rules: 'openrouter',
    thinks: ({ thought, state, turn }) => [
      ...pieces(thought).map((text) => ({
        reasoning: text,
        reasoning_details: [{ type: 'reasoning.text', text, format: 'unknown', index: 0 }],
      })),
      {
        reasoning_details: [
          { type: 'reasoning.encrypted', data: state, id: `rs_${turn}`, format: 'openai-responses-v1', index: 1 },
        ],
      },
    ],
    wants: { state: true, thought: true, phase: false },
  },
);

const gemini = chatVendor(
  'gemini',
  'gemini-thinker',
  { toolSchema: 'gemini', reasoningFormat: 'reasoning_effort' },
  {
    rules: 'gemini',
    thinks: () => [],
    callExtra: ({ state }) => ({ google: { thought_signature: state } }),
    wants: { state: true, thought: false, phase: false },
  },
);

const deepseek = chatVendor(
  'deepseek',
  'deep-thinker',
  { reasoningFormat: 'thinking', returnsReasoningContent: true },
  {
    rules: 'deepseek',
    thinks: ({ thought }) => pieces(thought).map((reasoning_content) => ({ reasoning_content })),
    wants: { state: false, thought: true, phase: false },
    takesThoughts: true,
  },
);

const PHASE = 'commentary';

const openai: AgentVendor = {
  id: 'openai',
  model: 'gpt-6.1-sol',
  protocol: 'openai-responses',
  provider: (baseUrl) => ({ id: 'openai', type: 'openai', baseUrl, models: ['gpt-6.1-sol'], key: 'env:KEY' }),
  give: ({ thought, state, said, tools, usage, turn }) =>
    answer(
      [
        { type: 'thinking', text: thought, signature: state },
        { type: 'text', text: said, phase: tools.length > 0 ? PHASE : 'final_answer' },
        ...tools,
      ],
      { usage, wire: { randomChunks: turn, fragment: 9 } },
    ),
  read({ input }) {
    const turns: SeenTurn[] = [];
    let open: SeenTurn | null = null;
    for (const item of list(input)) {
      const own = item.type === 'reasoning' || item.type === 'function_call' || item.role === 'assistant';
      if (!own) {
        open = null;
        continue;
      }
      if (open === null) {
        open = { calls: [], states: [], thoughts: [], phases: [] };
        turns.push(open);
      }
      if (item.type === 'function_call') open.calls.push(String(item.call_id));
      else if (item.type === 'reasoning') {
        open.states.push(String(item.encrypted_content));
        open.thoughts.push(
          list(item.summary)
            .map(({ text }) => text)
            .join('\n\n'),
        );
      } else open.phases.push(...strings(item.phase));
    }
    return turns.filter(({ calls }) => calls.length > 0);
  },
  refusals: (body) => responsesRefusals(body).filter((problem) => !problem.startsWith("unknown parameter: 'include'")),
  overflow: () =>
    fail(400, { type: 'context_length_exceeded', message: 'Your input exceeds the context window of this model.' }),
  wants: { state: true, thought: true, phase: true },
};

const ollama: AgentVendor = {
  id: 'ollama',
  model: 'local-thinker',
  protocol: 'ollama',
  provider: (baseUrl) => ({ id: 'ollama', type: 'ollama', baseUrl, models: ['local-thinker'] }),
  give: ({ thought, said, tools, usage, turn }) =>
    answer([{ type: 'thinking', text: thought }, { type: 'text', text: said }, ...tools], {
      usage,
      wire: { randomChunks: turn, fragment: 9 },
    }),
  read: ({ messages }) =>
    list(messages).flatMap((message) => {
      const calls = list(message.tool_calls);
      if (calls.length === 0) return [];
      return { calls: calls.map(({ id }) => String(id)), states: [], thoughts: strings(message.thinking), phases: [] };
    }),
  refusals: ollamaRefusals,
  overflow: () => fail(400, { message: 'the input length exceeds the context length' }),
  wants: { state: false, thought: true, phase: false },
};

/** One for every way in which reasoning is kept; the two of Anthropic's dialect sign alike and take only their own. */
export const agentVendors = {
  claude: anthropicVendor('claude', 'claude-opus-5-5', (baseUrl) => ({
    id: 'claude',
    type: 'anthropic',
    baseUrl,
    models: ['claude-opus-5-5'],
    key: 'env:KEY',
  })),
  signer: anthropicVendor('signer', 'other-signer', (baseUrl) => ({
    id: 'signer',
    type: 'anthropic-compatible',
    baseUrl,
    models: ['other-signer'],
    key: 'env:KEY',
    // It signs, and takes nothing that is not signed.
    quirks: { takesEmptySignature: false },
  })),
  openrouter,
  gemini,
  deepseek,
  openai,
  ollama,
} satisfies Record<string, AgentVendor>;

export type VendorName = keyof typeof agentVendors;

/** What the vendors are to do with one conversation. */
export interface Assignment {
  /** Tools of each turn, in order; after the last, it is told that all is done. */
  work: readonly (readonly Omit<ToolPart, 'id'>[])[];
  /** Who answers a turn, whoever is asked where nobody is named; the others are overloaded. */
  who?(turn: number, compaction: boolean): VendorName;
  /** Default: ids that no other call has. */
  toolId?(turn: number, place: number): string;
  /** Tokens of a request as the vendor counts them, by how many turns with calls it holds. Default: by its size. */
  tokens?(turns: number): number;
}

/** A request that was answered. */
interface Answered {
  conversation: string;
  vendor: string;
  /** How many turns with calls had been answered before. */
  turn: number;
  compaction: boolean;
  /** How many of them the request held, and those whose state or thinking it gave back. */
  held: number;
  returned: number;
  /** As the vendor counted it. */
  tokens: number;
}

/** What was asked in the conversations of one test, and what was wrong with it. */
export class AgentVendors {
  /** What a vendor would have refused, or should not have seen. */
  readonly problems: string[] = [];
  /** Who answered, in order. */
  readonly answered: Answered[] = [];
  /** Tokens of the requests that were too large for their vendor. */
  readonly tooLarge: { vendor: string; tokens: number }[] = [];
  readonly #given = new Map<string, Given[]>();
  readonly #conversations: Readonly<Record<string, Assignment>>;
  readonly #windows: Readonly<Partial<Record<string, number>>>;

  /**
   * @param conversations by a word of small letters that stands, in brackets, in what their users say: `[main]`.
   * @param windows of vendors, in tokens.
   */
  constructor(
    conversations: Readonly<Record<string, Assignment>>,
    windows: Readonly<Partial<Record<VendorName, number>>> = {},
  ) {
    this.#conversations = conversations;
    this.#windows = windows;
  }

  readonly script: Script = (request) => {
    const vendor = Object.values<AgentVendor>(agentVendors).find(({ model }) => model === request.model);
    const { text } = request;
    const conversation = Object.keys(this.#conversations).find((name) => text.includes(`[${name}]`));
    const assignment = this.#conversations[conversation ?? ''];
    if (vendor === undefined || conversation === undefined || assignment === undefined)
      return this.#wrong(`${request.model} was asked in no known conversation: ${text.slice(-200)}`);
    const given = this.#given.get(conversation) ?? [];
    this.#given.set(conversation, given);
    const turn = given.length;
    const compaction = isCompaction(request);
    if ((assignment.who?.(turn, compaction) ?? vendor.id) !== vendor.id) return fail(529, { type: 'overloaded_error' });
    const place = `${conversation}, turn ${turn}${compaction ? ' (compaction)' : ''}, ${vendor.id}`;
    const problems = this.#problems(vendor, request, conversation, given);
    this.problems.push(...problems.map((problem) => `${place}: ${problem}`));
    const seen = vendor.read(request.json);
    const returned = seen.filter(({ states, thoughts }) => states.length + thoughts.length > 0).length;
    const tokens = assignment.tokens?.(seen.length) ?? tokensOf(request);
    const window = this.#windows[vendor.id] ?? Number.POSITIVE_INFINITY;
    if (tokens > window) {
      this.tooLarge.push({ vendor: vendor.id, tokens });
      return vendor.overflow(tokens, window);
    }
    this.answered.push({ conversation, vendor: vendor.id, turn, compaction, held: seen.length, returned, tokens });
    const made = {
      vendor: vendor.id,
      conversation,
      turn,
      thought: `[${conversation} ${vendor.id} ${turn} thought] "grübel" 🤔 \\ über\n\nund weiter.`,
      state: stateOf(conversation, vendor.id, turn),
      usage: { input: tokens, output: 20 },
    };
    if (compaction) {
      const said = `<analysis>…</analysis>\n<summary>\nFiles are being written in [${conversation}].\n</summary>`;
      return vendor.give({ ...made, said, tools: [] });
    }
    const work = assignment.work[turn];
    if (work === undefined) return vendor.give({ ...made, said: `All ${turn} turns are done.`, tools: [] });
    const tools = work.map((tool, index) => ({
      ...tool,
      id: assignment.toolId?.(turn, index) ?? uniqueId(conversation, turn, index),
    }));
    const answered = { ...made, said: `Turn ${turn} …`, tools };
    given.push(answered);
    return vendor.give(answered);
  };

  #wrong(problem: string): Step {
    this.problems.push(problem);
    return fail(403, { type: 'permission_error', message: problem });
  }

  #problems(vendor: AgentVendor, request: UpstreamRequest, conversation: string, given: readonly Given[]): string[] {
    const { text, json } = request;
    const problems = vendor.refusals(json);
    if (text.includes('cproxy1.')) problems.push('a packed state was sent');
    for (const [state, of, by] of text.matchAll(STATE))
      if (of !== conversation || by !== vendor.id) problems.push(`got the foreign ${state}`);
    const seen = vendor.read(json);
    for (const turn of seen) {
      const maker = given.find(({ tools }) => tools.map(({ id }) => id).join() === turn.calls.join());
      if (maker === undefined) problems.push(`nobody called ${turn.calls.join()}`);
      else problems.push(...turnProblems(vendor, maker, turn));
    }
    const called = seen.flatMap(({ calls }) => calls);
    const results = readAsked[vendor.protocol](json).results.map(({ id }) => id);
    if (results.toSorted().join() !== called.toSorted().join())
      problems.push(`results of ${results.join()} came for calls ${called.join()}`);
    const last = given.at(-1)?.tools.map(({ id }) => id) ?? [];
    if (!isCompaction(request) && !last.every((id) => results.includes(id)))
      problems.push(`the results of ${last.join()} did not come`);
    return problems;
  }
}

function turnProblems({ id, wants, takesThoughts }: AgentVendor, maker: Given, seen: SeenTurn): string[] {
  const own = maker.vendor === id;
  const name = `turn ${maker.turn} of ${maker.vendor}`;
  const differ = (what: string, is: readonly string[], wanted: readonly string[]): string[] =>
    is.join('|') === wanted.join('|')
      ? []
      : [`${what} of ${name} is ${JSON.stringify(is)}, not ${JSON.stringify(wanted)}`];
  return [
    ...differ('the state', seen.states, own && wants.state ? [maker.state] : []),
    ...(own || takesThoughts !== true
      ? differ('the thinking', seen.thoughts, own && wants.thought ? [maker.thought] : [])
      : []),
    ...differ('the phase', seen.phases, own && wants.phase ? [PHASE] : []),
  ];
}

/** As most vendors make them. */
const uniqueId = (...named: (string | number)[]): string => `call_${hash('sha256', named.join()).slice(0, 24)}`;

/** As every vendor counts. */
const tokensOf = ({ body }: UpstreamRequest): number => Math.round(body.length / 3.6);

/** What the vendors' own counters say; null where one has none. */
export function countTokens(request: UpstreamRequest): number | null {
  const vendor = Object.values<AgentVendor>(agentVendors).find(({ model }) => model === request.model);
  const hasCounter = vendor?.protocol === 'anthropic' || vendor?.protocol === 'openai-responses';
  return hasCounter ? tokensOf(request) : null;
}

const isCompaction = ({ text }: UpstreamRequest): boolean =>
  text.includes('Tool calls will be rejected and you will fail');
