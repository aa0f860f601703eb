import type { FramesStep, RawStep } from '../scriptable-upstream.ts';
import { type ChatVendor, chatRefusals } from '../strict-openai.ts';
import { fragments } from '../upstream/parts.ts';
import { raw } from '../upstream/step.ts';
import { type Given, type GivenOut, stateOf, statesIn, thoughtOf } from './given-out.ts';
import { type Arrived, type Draft, type Fields, isFields, listOf, openaiError, type StrictVendor } from './vendor.ts';

/** How a vendor tells of its reasoning, and wants it back. */
interface Reasoning {
  /** Whose static rules it has. */
  rules: ChatVendor;
  /** Fields of the message that it adds to an answer with calls, and of its first call. */
  say(vendor: string, name: string): { thought: string; states: string[]; message: Fields; firstCall: Fields };
  /** Looks at an assistant's message; `given` is its own answer, where it is one. */
  check(message: Fields, given: Given | null, arrived: Arrived): void;
  /** Ids of the calls of one answer. */
  callId(name: string, index: number): string;
  /** How it says that it does not know a field of a message. */
  unknownField?(place: number, field: string): { status: number; body: Fields };
  /** Ends of what those rules say that it does not mind, or says itself. */
  lets?: readonly string[];
}

const refuse = (arrived: Arrived, message: string): void => arrived.refuse(400, openaiError(message), message);
const callsOf = ({ tool_calls: calls }: Fields): Fields[] => listOf(calls);
const inputOf = ({ function: called }: Fields): unknown =>
  isFields(called) ? JSON.parse(String(called.arguments)) : undefined;
const textOf = (content: unknown): unknown => (Array.isArray(content) ? listOf(content)[0]?.text : content);
/** Of an answer without them vendors want nothing back. */
const hasCalls = (given: Given): boolean => given.calls.length > 0;
const anyId = (name: string, index: number): string => `call_${name.replace('-', '')}${index}`;
const plain = { message: {}, firstCall: {} };

/** DeepSeek, Kimi, MiMo: `reasoning_content` on every message that calls tools (api-docs.deepseek.com, "Thinking mode"). */
export const returnsContent: Reasoning = {
  rules: 'deepseek',
  say: (_vendor, name) => ({
    thought: thoughtOf(name),
    states: [],
    message: { reasoning_content: thoughtOf(name) },
    firstCall: {},
  }),
  check(message, given, arrived) {
    if (callsOf(message).length > 0 && typeof message.reasoning_content !== 'string')
      refuse(arrived, 'The reasoning_content in the thinking mode must be passed back to the API.');
    else if (given !== null && hasCalls(given) && message.reasoning_content !== given.thought)
      arrived.wrong(`got ${JSON.stringify(message.reasoning_content)} as its reasoning of ${given.name}`);
  },
  callId: anyId,
  lets: ['must be passed back to the API.'],
};

/** Google's stand-in for history that other models made (its docs, "Thought signatures"). */
const STAND_IN = 'skip_thought_signature_validator';

/** Gemini: the first call of each answer carries a signature. */
export const signsCalls: Reasoning = {
  rules: 'gemini',
  say(vendor, name) {
    const state = stateOf(vendor, name, 'thought signature');
    return {
      ...plain,
      thought: '',
      states: [state],
      firstCall: { extra_content: { google: { thought_signature: state } } },
    };
  },
  check(message, given, arrived) {
    for (const [index, call] of callsOf(message).entries()) {
      const extra =
        isFields(call.extra_content) && isFields(call.extra_content.google) ? call.extra_content.google : {};
      const signature = extra.thought_signature;
      if (index > 0) {
        if (signature !== undefined) arrived.wrong('got a signature on a call that had none');
      } else if (signature === undefined) {
        refuse(
          arrived,
          'Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly.',
        );
      } else if (given === null) {
        if (signature !== STAND_IN) refuse(arrived, 'Corrupted thought signature.');
      } else if (signature !== given.states[0]) {
        if (signature === STAND_IN) arrived.wrong(`got the stand-in for its own signature of ${given.name}`);
        else refuse(arrived, 'Corrupted thought signature.');
      }
    }
  },
  lets: ['missing a thought_signature in functionCall parts'],
  // As Google says it of any field (musistudio/claude-code-router issue 187).
  unknownField: (place, field) => ({
    status: 400,
    body: {
      error: {
        code: 400,
        message: `Invalid JSON payload received. Unknown name "${field}" at 'messages[${place}]': Cannot find field.`,
        status: 'INVALID_ARGUMENT',
      },
    },
  }),
  callId: (name, index) => `function-call-${name.replace('-', '0')}${index}`,
};

/** OpenRouter: `reasoning_details` whole and unmodified (its docs, "Preserving reasoning"). */
const returnsDetails = (
  details: (vendor: string, name: string) => { states: string[]; details: Fields[] },
): Reasoning => ({
  rules: 'openrouter',
  say(vendor, name) {
    const said = details(vendor, name);
    const thought = thoughtOf(name);
    return {
      thought,
      states: said.states,
      message: { reasoning: thought, reasoning_details: said.details },
      firstCall: {},
    };
  },
  check(message, given, arrived) {
    const back = joinedDetails(listOf(message.reasoning_details));
    if (back.length === 0) {
      if (given !== null && hasCalls(given)) arrived.wrong(`did not get its reasoning_details of ${given.name} back`);
      return;
    }
    // What was said without calls nobody else remembers: a client that cuts it has cut it.
    if (given !== null && !hasCalls(given) && arrived.leavesOut) return;
    const expected = given === null ? [] : details(given.vendor, given.name).details;
    if (JSON.stringify(back) !== JSON.stringify(expected))
      arrived.wrong(`got ${JSON.stringify(back)} for ${JSON.stringify(expected)}`);
  },
  callId: (name, index) => `call_${name.replace('-', '_or_')}_${index}`,
  lets: ['unknown parameter reasoning_content'],
});

/** An OpenAI model behind it. */
export const returnsSummaries = returnsDetails((vendor, name) => {
  const state = stateOf(vendor, name, 'encrypted');
  const format = 'openai-responses-v1';
  return {
    states: [state],
    details: [
      { type: 'reasoning.summary', summary: thoughtOf(name), format, index: 0 },
      { type: 'reasoning.encrypted', data: state, id: `rs_${name}`, format, index: 1 },
    ],
  };
});

/** Anthropic's behind it. */
export const returnsSignatures = returnsDetails((vendor, name) => {
  const state = stateOf(vendor, name, 'signature');
  const format = 'anthropic-claude-v1';
  return {
    states: [state],
    details: [{ type: 'reasoning.text', text: thoughtOf(name), signature: state, format, index: 0 }],
  };
});

/** Clients may send the pieces of a stream back as they came. */
function joinedDetails(details: readonly Fields[]): Fields[] {
  const whole: Fields[] = [];
  for (const detail of details) {
    const last = whole.at(-1);
    if (last === undefined || last.index !== detail.index || last.type !== detail.type) {
      whole.push({ ...detail });
      continue;
    }
    for (const [key, value] of Object.entries(detail))
      last[key] = key === 'text' || key === 'summary' ? `${last[key] ?? ''}${value}` : value;
  }
  // The order of the fields says nothing.
  return whole.map((detail) =>
    Object.fromEntries(DETAIL_FIELDS.flatMap((key) => (key in detail ? [[key, detail[key]]] : []))),
  );
}
const DETAIL_FIELDS = ['type', 'text', 'summary', 'signature', 'data', 'id', 'format', 'index'];

/** Mistral without reasoning: ids of nine letters and digits, the same as it gave them. */
export const shortIds: Reasoning = {
  rules: 'mistral',
  say: () => ({ ...plain, thought: '', states: [] }),
  check(message, given, arrived) {
    const back = callsOf(message).map(({ id }) => id);
    if (given !== null && JSON.stringify(back) !== JSON.stringify(given.calls.map(({ id }) => id)))
      arrived.wrong(`got the ids ${back.join()} for those of ${given.name}`);
  },
  // charmbracelet/crush issue 1590
  unknownField: (place, field) => ({
    status: 422,
    body: {
      object: 'error',
      message: {
        detail: [
          {
            type: 'extra_forbidden',
            loc: ['body', 'messages', place, 'assistant', field],
            msg: 'Extra inputs are not permitted',
            input: '',
          },
        ],
      },
      type: 'invalid_request_error',
      param: null,
      code: null,
    },
  }),
  callId: (name, index) => `${name.replace('-', '').slice(0, 8).padEnd(8, '0')}${index}`,
};

/** A server on this machine: shows its thinking, wants nothing back, and counts the calls of each answer anew. */
export const localServer: Reasoning = {
  rules: 'local',
  say: (_vendor, name) => ({
    thought: thoughtOf(name),
    states: [],
    message: { reasoning_content: thoughtOf(name) },
    firstCall: {},
  }),
  check: () => undefined,
  callId: (_name, index) => `call_${index}`,
  lets: ['unknown parameter reasoning_content'],
};

/** An answer whose calls have other inputs by now: no vendor of this dialect is known to look at these. */
function editedAnswer(message: Fields, givenOut: GivenOut): Given | undefined {
  const given = givenOut.byState(statesIn(JSON.stringify(message))[0]);
  const ids = JSON.stringify(callsOf(message).map(({ id }) => id));
  return ids === JSON.stringify(given?.calls.map(({ id }) => id)) ? given : undefined;
}

/** As `chatRefusals` says it. */
const UNKNOWN_FIELD = /^messages\.(?<place>\d+): unknown parameter (?<field>\w+)$/;

export function chatVendor(
  vendor: Pick<StrictVendor, 'id' | 'model' | 'provider'>,
  reasoning: Reasoning,
): StrictVendor {
  function check(arrived: Arrived): void {
    const { json, conversation, givenOut } = arrived;
    for (const problem of chatRefusals(json, reasoning.rules)) {
      if (reasoning.lets?.some((end) => problem.endsWith(end))) continue;
      const { place = '', field = '' } = UNKNOWN_FIELD.exec(problem)?.groups ?? {};
      const unknown = field === '' ? undefined : reasoning.unknownField?.(Number(place), field);
      if (unknown !== undefined && arrived.passedThrough) arrived.refuseField(unknown.status, unknown.body, field);
      else refuse(arrived, problem);
    }
    for (const message of listOf(json.messages)) {
      if (message.role !== 'assistant') continue;
      const calls = callsOf(message).map(inputOf);
      const given =
        calls.length > 0
          ? (givenOut.byCalls(conversation, calls) ?? editedAnswer(message, givenOut))
          : givenOut.byText(textOf(message.content));
      reasoning.check(message, given?.vendor === vendor.id ? given : null, arrived);
    }
  }

  function give(draft: Draft, { json }: Arrived): ReturnType<StrictVendor['answer']> {
    const { conversation, name, text } = draft;
    const said = reasoning.say(vendor.id, name);
    const calls = draft.calls.map(({ id, input }, index) => ({
      id: id ?? reasoning.callId(name, index),
      name: 'Read',
      input,
    }));
    const message: ChatAnswer = {
      content: text,
      ...said.message,
      tool_calls: calls.map((call, index) => ({
        id: call.id,
        type: 'function',
        function: { name: call.name, arguments: JSON.stringify(call.input) },
        ...(index === 0 ? said.firstCall : {}),
      })),
    };
    const { thought, states } = said;
    const given = { vendor: vendor.id, conversation, name, thought, states, text, calls };
    return { given, step: json.stream === true ? streamed(message, json) : whole(message, json) };
  }

  return { ...vendor, check, answer: give };
}

interface ChatAnswer extends Fields {
  content: string;
  tool_calls: (Fields & { function: { name: string; arguments: string } })[];
}

const USAGE = { prompt_tokens: 25, completion_tokens: 7, total_tokens: 32 };
const head = (json: Fields): Fields => ({ id: 'chatcmpl-strict', created: 1_790_000_000, model: json.model });
const finishOf = ({ tool_calls: calls }: ChatAnswer): string => (calls.length > 0 ? 'tool_calls' : 'stop');

function whole(answer: ChatAnswer, json: Fields): RawStep {
  const { tool_calls: calls, ...rest } = answer;
  const message = { role: 'assistant', ...rest, ...(calls.length > 0 ? { tool_calls: calls } : {}) };
  const choices = [{ index: 0, message, finish_reason: finishOf(answer) }];
  const body = { ...head(json), object: 'chat.completion', choices, usage: USAGE };
  return raw(200, JSON.stringify(body), { 'content-type': 'application/json' });
}

const FRAGMENT = { fragment: 7 };

function streamed(answer: ChatAnswer, json: Fields): FramesStep {
  const { content, tool_calls: calls, reasoning_details: details, ...texts } = answer;
  const deltas: Fields[] = [{ role: 'assistant', content: '' }];
  for (const [field, text] of Object.entries(texts))
    if (details === undefined) for (const piece of fragments(String(text), FRAGMENT)) deltas.push({ [field]: piece });
  for (const detail of listOf(details)) deltas.push(...detailDeltas(detail));
  for (const piece of fragments(content, FRAGMENT)) deltas.push({ content: piece });
  for (const [index, { function: called, ...call }] of calls.entries()) {
    deltas.push({ tool_calls: [{ index, ...call, function: { name: called.name, arguments: '' } }] });
    for (const piece of fragments(called.arguments, FRAGMENT))
      deltas.push({ tool_calls: [{ index, function: { arguments: piece } }] });
  }
  const chunk = (delta: Fields, finish_reason: string | null): Fields => ({
    ...head(json),
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, finish_reason }],
  });
  const frames: (Fields | string)[] = deltas.map((delta) => chunk(delta, null));
  frames.push(chunk({}, finishOf(answer)));
  if (isFields(json.stream_options) && json.stream_options.include_usage === true)
    frames.push({ ...head(json), object: 'chat.completion.chunk', choices: [], usage: USAGE });
  frames.push('[DONE]');
  return { kind: 'frames', frames };
}

/** The text in pieces, each also as `reasoning`, and what belongs to the whole with an empty piece behind it. */
function detailDeltas({ signature, ...detail }: Fields): Fields[] {
  const field = ['text', 'summary'].find((name) => name in detail);
  if (field === undefined) return [{ reasoning_details: [detail] }];
  const deltas: Fields[] = fragments(String(detail[field]), FRAGMENT).map((piece) => ({
    reasoning: piece,
    reasoning_details: [{ ...detail, [field]: piece }],
  }));
  if (signature !== undefined) deltas.push({ reasoning_details: [{ ...detail, [field]: '', signature }] });
  return deltas;
}
