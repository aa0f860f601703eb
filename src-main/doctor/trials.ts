import type { Capabilities } from '../../src-shared/config.ts';
import type { ModelView } from '../../src-shared/control.ts';
import type { TokenUsage } from '../../src-shared/requests.ts';
import { type Ask, argumentsOf, type TrialAnswer, type TrialQuestion } from './trial-answer.ts';
import { redSquare } from './trial-picture.ts';
import { speaksAnthropic, type TrialTarget } from './trial-target.ts';

/** What came of one trial. */
export interface Verdict {
  /** `none`: the model does not offer it, as far as is known. `left`: not tried, for the reason given. */
  state: 'ok' | 'warn' | 'fail' | 'none' | 'left';
  found: string;
  advice: string | null;
  /** Lines for the configuration, in YAML; empty where there are none. */
  configuration: string[];
  /** How long it took, in ms; null where it was not tried. */
  ms: number | null;
}

export const trialIds = [
  'plain',
  'streaming',
  'tools',
  'parallel',
  'result',
  'thinking',
  'images',
  'count',
  'long',
  'structured',
] as const;
export type TrialId = (typeof trialIds)[number];

/** What trials of one model tell each other. */
export interface TrialMemory {
  /** The call that a result is given for. */
  called: TrialAnswer | null;
  /** What the provider says that the plain question has. */
  plainUsage: TokenUsage | null;
}

/** Tokens that a trial is expected to take, and the most that it may write. */
export interface TrialTokens {
  input: number;
  output: number;
  mostOutput: number;
}

export interface Trial {
  /** What is tried, in words. */
  title: string;
  /** What must be known to be there for it; null: it can be asked of every model. */
  ability: keyof Capabilities | null;
  tokens(facts: ModelView): TrialTokens;
  run(target: TrialTarget, ask: Ask, memory: TrialMemory): Promise<Verdict>;
}

/** Most tokens of an answer: room for models that think whatever they are asked. */
const ROOM = 2_048;
const LONG_TOKENS = 8_000;
const CHARACTERS_A_TOKEN = 4;
/** What a model that may think is taken to write on top. */
const THOUGHT = 300;

const roomOf = ({ maxOutput }: ModelView): number => Math.min(ROOM, maxOutput ?? ROOM);

/** @param output expected of a model that does not think. */
const tokens =
  (input: number, output: number) =>
  (facts: ModelView): TrialTokens => ({
    input,
    output: Math.min(roomOf(facts), output + (facts.reasoning === false ? 0 : THOUGHT)),
    mostOutput: roomOf(facts),
  });

const verdict = (
  state: 'ok' | 'warn' | 'fail',
  found: string,
  advice: string | null = null,
  configuration: string[] = [],
) => ({
  state,
  found,
  advice,
  configuration,
  ms: null,
});
const ok = (found: string): Verdict => verdict('ok', found);
const warn = (found: string, advice: string | null, configuration: string[] = []): Verdict =>
  verdict('warn', found, advice, configuration);
const fail = (found: string, advice: string | null, configuration: string[] = []): Verdict =>
  verdict('fail', found, advice, configuration);
export const left = (reason: string): Verdict => ({
  state: 'left',
  found: reason,
  advice: null,
  configuration: [],
  ms: null,
});

const PLAIN = 'Answer with the word OK and nothing else.';
const STREAMED = 'Write the whole numbers from one to thirty in words, with commas between.';
const WEATHER = 'What is the weather in Bergen now? Call the tool to find out.';
const TWO_CITIES =
  'What is the weather in Bergen and in Lima now? Call the tool for both cities at once, in one answer.';
const DEGREES = '17';
const CODE_WORD = 'PELICAN-42';

const weatherTool = {
  name: 'get_weather',
  description: 'Tells the weather in a city.',
  input_schema: {
    type: 'object',
    properties: { city: { type: 'string', description: 'Name of the city' } },
    required: ['city'],
  },
};

const schema = {
  type: 'object',
  properties: { colour: { type: 'string' }, amount: { type: 'integer' } },
  required: ['colour', 'amount'],
  additionalProperties: false,
};

const nameOf = ({ provider, model }: TrialTarget): string => `${provider}/${model}`;

/** As a coding agent asks: Anthropic's dialect, streamed. */
function message(target: TrialTarget, content: unknown, rest: Record<string, unknown> = {}): TrialQuestion {
  const body = {
    model: nameOf(target),
    max_tokens: roomOf(target.facts),
    stream: true,
    messages: [{ role: 'user', content }],
    ...rest,
  };
  return { path: '/v1/messages', body };
}

const chat = (target: TrialTarget, content: string, rest: Record<string, unknown>): TrialQuestion => ({
  path: '/v1/chat/completions',
  body: {
    model: nameOf(target),
    max_completion_tokens: roomOf(target.facts),
    messages: [{ role: 'user', content }],
    ...rest,
  },
});

export const trials: Readonly<Record<TrialId, Trial>> = {
  plain: {
    title: 'a plain answer',
    ability: null,
    tokens: tokens(20, 5),
    async run(target, ask, memory) {
      const answer = await ask(message(target, PLAIN, { stream: false }));
      memory.plainUsage = answer.usage;
      return troubleOf(answer, target, null) ?? judgeText(answer, target);
    },
  },
  streaming: {
    title: 'a streamed answer',
    ability: 'streaming',
    tokens: tokens(30, 90),
    async run(target, ask) {
      const answer = await ask(message(target, STREAMED));
      return troubleOf(answer, target, 'streaming') ?? judgeStream(answer, target);
    },
  },
  tools: {
    title: 'a tool call',
    ability: 'tools',
    tokens: tokens(150, 40),
    async run(target, ask, memory) {
      const answer = await ask(message(target, WEATHER, { tools: [weatherTool] }));
      const judged = troubleOf(answer, target, 'tools') ?? judgeCall(answer, target);
      if (judged.state === 'ok') memory.called = answer;
      return judged;
    },
  },
  parallel: {
    title: 'two tool calls in one answer',
    ability: 'parallelTools',
    tokens: tokens(160, 80),
    async run(target, ask) {
      const answer = await ask(message(target, TWO_CITIES, { tools: [weatherTool] }));
      return troubleOf(answer, target, 'parallelTools') ?? judgeParallel(answer, target);
    },
  },
  result: {
    title: 'an answer to the result of a tool',
    ability: 'tools',
    tokens: tokens(220, 40),
    async run(target, ask, memory) {
      const called = memory.called ?? (await ask(message(target, WEATHER, { tools: [weatherTool] })));
      const [call] = called.calls;
      if (call === undefined) return left('no tool was called that a result could be given to');
      const messages = [
        { role: 'user', content: WEATHER },
        { role: 'assistant', content: called.content },
        {
          role: 'user',
          content: called.calls.map(({ id }) => ({
            type: 'tool_result',
            tool_use_id: id,
            content: `${DEGREES} degrees, light rain`,
          })),
        },
      ];
      const answer = await ask(message(target, '', { messages, tools: [weatherTool] }));
      return troubleOf(answer, target, null) ?? judgeResult(answer);
    },
  },
  thinking: {
    title: 'thinking before the answer',
    ability: 'reasoning',
    tokens: (facts) => ({ input: 40, output: Math.min(roomOf(facts), 600), mostOutput: roomOf(facts) }),
    async run(target, ask) {
      const riddle =
        'A bat and a ball cost 1.10 together. The bat costs 1.00 more than the ball. What does the ball cost?';
      // Translated either way: how each model wants to be asked is the codecs' matter, and a client's own words would not be.
      const question = speaksAnthropic(target.config)
        ? chat(target, riddle, { reasoning_effort: 'low' })
        : message(target, riddle, { thinking: { type: 'enabled', budget_tokens: 1_024 } });
      const answer = await ask(question);
      return troubleOf(answer, target, 'reasoning') ?? judgeThinking(answer, target);
    },
  },
  images: {
    title: 'reading a picture',
    ability: 'vision',
    tokens: tokens(150, 5),
    async run(target, ask) {
      const source = { type: 'base64', media_type: 'image/png', data: redSquare() };
      const text = 'Which colour is this square? Answer with one word.';
      const answer = await ask(
        message(target, [
          { type: 'image', source },
          { type: 'text', text },
        ]),
      );
      return troubleOf(answer, target, 'vision') ?? judgePicture(answer, target);
    },
  },
  count: {
    title: 'counting tokens',
    ability: null,
    tokens: () => ({ input: 0, output: 0, mostOutput: 0 }),
    async run(target, ask, memory) {
      const { model, messages } = message(target, PLAIN).body;
      const answer = await ask({ path: '/v1/messages/count_tokens', body: { model, messages } });
      return troubleOf(answer, target, null) ?? judgeCount(answer, memory.plainUsage);
    },
  },
  long: {
    title: 'a long prompt',
    ability: null,
    tokens: (facts) => tokens(longTokens(facts), 10)(facts),
    async run(target, ask) {
      const text = longPrompt(longTokens(target.facts));
      const answer = await ask(message(target, text));
      return troubleOf(answer, target, null) ?? judgeLong(answer, longTokens(target.facts), target);
    },
  },
  structured: {
    title: 'an answer in a given form',
    ability: 'structuredOutput',
    tokens: tokens(120, 20),
    async run(target, ask) {
      const format = { type: 'json_schema', json_schema: { name: 'apples', strict: true, schema } };
      const answer = await ask(
        chat(target, 'There are three red apples. Say so as JSON.', { response_format: format }),
      );
      return troubleOf(answer, target, 'structuredOutput') ?? judgeStructured(answer, target);
    },
  },
};

/** A prompt that fills half of a small window, and of a large one what does not cost much. */
const longTokens = ({ contextWindow }: ModelView): number =>
  Math.min(LONG_TOKENS, Math.floor((contextWindow ?? LONG_TOKENS * 2) / 2));

/** The code word stands at the beginning, which servers leave out that are given too much. */
function longPrompt(tokens: number): string {
  const lines = [`The code word is ${CODE_WORD}. Keep it in mind.`];
  for (let size = 0; size < tokens * CHARACTERS_A_TOKEN; size += lines.at(-1)?.length ?? 1)
    lines.push(`Entry ${lines.length} of the log: the pump ran at its usual speed and nothing was to be noted.`);
  return [...lines, 'What is the code word? Answer with it and nothing else.'].join('\n');
}

/** What is wrong with an answer that failed as a whole; null where one came. */
export function troubleOf(
  answer: TrialAnswer,
  target: TrialTarget,
  ability: keyof Capabilities | null,
): Verdict | null {
  const { error } = answer;
  if (error === null) return null;
  if (error.code === 'stopped') return left('stopped');
  const found = firstLines(error.message);
  // What a server refuses as such, it cannot do; anything else may be over in a moment.
  const isRefused = error.status >= 400 && error.status < 500 && ![401, 402, 403, 408, 429].includes(error.status);
  if (ability !== null && isRefused)
    return fail(
      found,
      'If the model cannot do that, say so, and such requests go elsewhere:',
      abilityLines(target, ability, false),
    );
  return fail(found, adviceOn(error.code, error.status, target));
}

function adviceOn(code: string, status: number, { provider }: TrialTarget): string | null {
  switch (code) {
    case 'provider_key_missing':
    case 'provider_key_refused':
      return `\`cproxy keys set ${provider}\` stores a key.`;
    case 'provider_unreachable':
      return 'Start the server, or correct baseUrl, proxy or ca of the provider.';
    case 'provider_silent':
    case 'provider_too_slow':
    case 'time-limit':
      return 'Try a smaller model, or one that has been loaded before; or give it more time with timeouts.';
    case 'provider_garbage':
    case 'provider_cut_stream':
    case 'provider_empty':
      return 'The server does not keep to its dialect. Update it, or set protocols to another that it speaks.';
    default:
      if (status === 429 || status === 402) return 'Wait, add credit at the vendor, or add another key under keys.';
      return status >= 500 ? 'Try again later; the vendor has a page on the state of its service.' : null;
  }
}

/** Errors of vendors may be pages long. */
const firstLines = (text: string): string =>
  (text.length > 400 ? `${text.slice(0, 400)} …` : text).replace(/\s+/g, ' ').trim();

/** Whether the configuration is to say that a model can do something. */
export function abilityLines({ config, model }: TrialTarget, ability: keyof Capabilities, can: boolean): string[] {
  const capabilities = `capabilities: { ${ability}: ${can} }`;
  const entry = ['providers:', `  - id: ${config.id}`];
  return config.models === undefined
    ? [...entry, `    ${capabilities}   # holds for all of its models`]
    : [...entry, '    models:', `      - { id: ${JSON.stringify(model)}, ${capabilities} }`];
}

const quirkLines = ({ config: { id } }: TrialTarget, quirk: string): string[] => [
  'providers:',
  `  - id: ${id}`,
  `    quirks: { ${quirk} }`,
];

function judgeText(answer: TrialAnswer, target: TrialTarget): Verdict {
  if (answer.text.trim() === '') return withoutText(answer, target);
  return usageNotice(answer, target) ?? ok(`It answered ${quoted(answer.text)}.`);
}

function withoutText({ stopReason }: TrialAnswer, { facts }: TrialTarget): Verdict {
  return stopReason === 'max_tokens'
    ? warn(
        `It wrote ${roomOf(facts)} tokens and had not begun its answer.`,
        'It thinks for long: give it room with a larger max_tokens in the client.',
      )
    : fail('An answer came without any text.', 'Try another model, or update the server.');
}

function usageNotice({ usage }: TrialAnswer, target: TrialTarget): Verdict | null {
  if (usage !== null) return null;
  const advice = 'Costs and sizes of conversations stay unknown. For a server that reports them only when asked:';
  return warn('It answered, but reports no token counts.', advice, quirkLines(target, 'asksStreamUsage: true'));
}

/** Text that takes so long to come and then comes so fast was not streamed: in ms. */
const HELD_BACK_MS = 1_500;
const AT_ONCE_MS = 50;

export function judgeStream(answer: TrialAnswer, target: TrialTarget): Verdict {
  const { text, pieces, firstTextMs, endMs } = answer;
  if (text.trim() === '') return withoutText(answer, target);
  const first = firstTextMs ?? endMs;
  const isHeldBack = first > HELD_BACK_MS && endMs - first < AT_ONCE_MS;
  if (pieces <= 1 || isHeldBack)
    return warn(
      `The answer came ${pieces <= 1 ? 'in one piece' : `all at once after ${seconds(first)}`}, not as a stream.`,
      'The server, or something on the way to it, collects answers: readers wait for the end. Look for a proxy that buffers.',
    );
  return usageNotice(answer, target) ?? ok(`${pieces} pieces, the first after ${seconds(first)}.`);
}

/** What is wrong with calls of the weather tool; null: nothing. */
function callTrouble({ calls }: TrialAnswer): Verdict | null {
  const stranger = calls.find(({ name }) => name !== weatherTool.name);
  if (stranger !== undefined)
    return fail(
      `It called a tool ${quoted(stranger.name)} that it was not offered.`,
      'It is not fit for agents; choose another model.',
    );
  const broken = calls.find(({ json }) => argumentsOf(json) === null);
  if (broken !== undefined)
    return fail(
      `The arguments of its tool call are no JSON: ${quoted(broken.json)}`,
      'It is not fit for agents; choose another model, or update the server.',
    );
  const empty = calls.find(({ json }) => typeof argumentsOf(json)?.city !== 'string');
  return empty === undefined
    ? null
    : warn(`It called the tool without its argument 'city': ${quoted(empty.json)}`, 'Agents may have to ask it twice.');
}

export function judgeCall(answer: TrialAnswer, target: TrialTarget): Verdict {
  const [call] = answer.calls;
  if (call === undefined)
    return fail(
      `It called no tool, and said ${quoted(answer.text)}.`,
      'If it writes calls as text, quirks.readsMarkup reads them. If it cannot call tools, say so, and agents go elsewhere:',
      abilityLines(target, 'tools', false),
    );
  return callTrouble(answer) ?? ok(`It called ${call.name} with ${call.json}.`);
}

export function judgeParallel(answer: TrialAnswer, target: TrialTarget): Verdict {
  const { calls } = answer;
  if (calls.length === 0) return fail(`It called no tool, and said ${quoted(answer.text)}.`, null);
  const trouble = callTrouble(answer);
  if (trouble !== null) return trouble;
  if (new Set(calls.map(({ id }) => id)).size < calls.length)
    return fail('Two of its calls have one id, so that their results cannot be told apart.', 'Update the server.');
  return calls.length > 1
    ? ok(`${calls.length} calls in one answer.`)
    : warn(
        'It called one tool where two were asked for at once.',
        'Agents work, but take more turns. If it always does so, say so:',
        abilityLines(target, 'parallelTools', false),
      );
}

export function judgeResult({ text, calls }: TrialAnswer): Verdict {
  if (text.includes(DEGREES)) return ok(`It answered ${quoted(text)}.`);
  if (calls.length > 0)
    return warn('It called the tool once more, although it had the result.', 'Agents may go round in circles with it.');
  return text.trim() === ''
    ? fail('No answer came to the result of the tool.', 'It is not fit for agents; choose another model.')
    : warn(`Its answer does not use the result: ${quoted(text)}`, 'Agents may not get far with it.');
}

export function judgeThinking({ thinking, text }: TrialAnswer, target: TrialTarget): Verdict {
  if (thinking.trim() !== '') return ok(`${thinking.length} characters of thinking.`);
  return warn(
    text.trim() === '' ? 'Neither thinking nor an answer came.' : 'It answered, but no thinking came.',
    'Some vendors keep it to themselves. If it is asked in a way that the server does not know, set quirks.reasoningFormat; if it cannot think, say so:',
    abilityLines(target, 'reasoning', false),
  );
}

export function judgePicture({ text }: TrialAnswer, target: TrialTarget): Verdict {
  if (/\bred\b|crimson|scarlet/i.test(text)) return ok(`It saw ${quoted(text)}.`);
  return warn(
    `It was shown a red square, and said ${quoted(text)}.`,
    'It may be given pictures that it does not see. If so, say that it cannot, and requests with pictures go elsewhere:',
    abilityLines(target, 'vision', false),
  );
}

const countSources: Readonly<Record<string, string>> = { provider: 'by the provider' };

/** @param usage what the provider says that the same question had; null: it did not say. */
export function judgeCount(
  { json, headers }: Pick<TrialAnswer, 'json' | 'headers'>,
  usage: TokenUsage | null,
): Verdict {
  const tokens =
    typeof json === 'object' && json !== null && 'input_tokens' in json ? Number(json.input_tokens) : Number.NaN;
  if (!(tokens > 0)) return fail('No count came.', 'Please report it.');
  const by = countSources[headers?.get('x-cproxy-token-count') ?? ''] ?? 'on this machine';
  const found = `${tokens} tokens, counted ${by}.`;
  const told = usage === null ? null : usage.input + usage.cacheRead + usage.cacheWrite;
  // Servers put some of their own around a prompt.
  const isFar = told !== null && Math.abs(told - tokens) > Math.max(100, told / 2);
  return isFar
    ? warn(`${found} The answer says ${told}.`, 'Clients may compact conversations too early or too late.')
    : ok(found);
}

/** @param tokens about as many as the prompt has. */
export function judgeLong({ text, usage }: TrialAnswer, tokens: number, target: TrialTarget): Verdict {
  const about = `about ${tokens.toLocaleString('en')} tokens`;
  if (text.includes(CODE_WORD)) return ok(`It read ${about}.`);
  const read = usage === null ? null : usage.input + usage.cacheRead + usage.cacheWrite;
  const lines = ['providers:', `  - id: ${target.config.id}`, `    contextWindow: ${Math.max(2_048, read ?? tokens)}`];
  return read !== null && read < tokens / 2
    ? fail(
        `It was given ${about}, and read ${read.toLocaleString('en')}: the server leaves the beginning out.`,
        'Give it more room where it is started, or tell CProxy how much there is, so that longer requests go elsewhere:',
        lines,
      )
    : warn(
        `Of ${about} it did not find the code word at the beginning, and said ${quoted(text)}.`,
        'The server may leave the beginning out without saying so; look at the window that it was started with.',
      );
}

export function judgeStructured({ text }: TrialAnswer, target: TrialTarget): Verdict {
  const read = argumentsOf(text);
  const isAsAsked = read !== null && typeof read.colour === 'string' && Number.isInteger(read.amount);
  return isAsAsked
    ? ok(`It answered ${quoted(text)}.`)
    : warn(
        `Its answer is not in the form that was asked for: ${quoted(text)}`,
        'If it cannot be held to a form, say so:',
        abilityLines(target, 'structuredOutput', false),
      );
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** A model's own words, in one line and not too many. */
function quoted(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line === '' ? 'nothing' : `“${line.length > 80 ? `${line.slice(0, 79)}…` : line}”`;
}

/** Which fact tells whether a model has an ability. */
const factNames = {
  streaming: 'streaming',
  tools: 'tools',
  parallelTools: 'parallelTools',
  reasoning: 'reasoning',
  vision: 'images',
  documents: 'documents',
  promptCaching: 'promptCaching',
  structuredOutput: 'structuredOutput',
} as const satisfies Record<keyof Capabilities, keyof ModelView>;

/** Whether a model offers what a trial tries, as far as is known; null: not known. */
export function offers(facts: ModelView, { ability }: Trial): boolean | null {
  if (ability === null) return true;
  // What calls no tool calls none in parallel.
  if (ability === 'parallelTools' && facts.tools === false) return false;
  return facts[factNames[ability]];
}
