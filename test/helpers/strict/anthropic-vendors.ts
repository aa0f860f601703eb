import { createHash } from 'node:crypto';
import { answer } from '../scriptable-upstream.ts';
import { refusals } from '../strict-anthropic.ts';
import { type Given, stateOf, thoughtOf } from './given-out.ts';
import {
  type Arrived,
  anthropicError,
  type Draft,
  type Fields,
  isFields,
  listOf,
  type StrictVendor,
} from './vendor.ts';

/** How a server of this dialect signs its thinking. */
interface Signing {
  /** `empty`: it signs nothing, and takes nothing that is signed. */
  signs: 'thinking' | 'empty';
  /**
   * A block is valid only behind what it was made behind (Anthropic's docs, "Preserved thinking"): system, tools and messages
   * unchanged but for cache marks, and no thinking left out between it and what precedes it.
   */
  binds: boolean;
  /** Thinking of calls must come back. DeepSeek: "The `content[].thinking` in the thinking mode must be passed back". */
  demands: boolean;
  /** It thinks only where it is told so, and has no use for thinking else. */
  thinksUnasked: boolean;
}

interface Block {
  message: number;
  place: number;
  fields: Fields;
}

/** What a thinking block was made behind. */
interface Binding {
  prefix: string;
  /** Signature of the thinking before it; null where there was none. */
  before: string | null;
}

interface Turn {
  role: unknown;
  content: Fields[];
}

function turnsOf(messages: unknown): Turn[] {
  const turns: Turn[] = [];
  for (const { role, content } of listOf(messages)) {
    const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : listOf(content);
    const last = turns.at(-1);
    if (last !== undefined && last.role === role) last.content.push(...blocks);
    else turns.push({ role, content: [...blocks] });
  }
  return turns;
}

const isThinking = ({ type }: Fields): boolean => type === 'thinking' || type === 'redacted_thinking';
const stateIn = (block: Fields): unknown => (block.type === 'thinking' ? block.signature : block.data);

const withoutMarks = (value: unknown): string =>
  JSON.stringify(value, (key, inner: unknown) => (key === 'cache_control' ? undefined : inner));

function digestOf({ system, tools }: Fields, turns: readonly Turn[]): string {
  const said = turns.map(({ role, content }) => [role, content.filter((block) => !isThinking(block))]);
  const text = typeof system === 'string' ? [{ type: 'text', text: system }] : (system ?? []);
  return createHash('sha256')
    .update(withoutMarks([text, tools ?? [], said]))
    .digest('base64');
}

const callsIn = (content: readonly Fields[]): Fields[] => content.filter(({ type }) => type === 'tool_use');

export function anthropicVendor(
  vendor: Pick<StrictVendor, 'id' | 'model' | 'provider'>,
  { signs, binds, demands, thinksUnasked }: Signing,
): StrictVendor {
  const bindings = new Map<string, Binding>();

  function check(arrived: Arrived): void {
    const { json, request, givenOut } = arrived;
    const refuse = (message: string): void => arrived.refuse(400, anthropicError(message), message);
    const headers = request.headers as Record<string, string>;
    for (const problem of refusals(json, { takesEmptySignature: signs === 'empty', headers })) refuse(problem);
    const turns = turnsOf(json.messages);
    let before: string | null = null;
    for (const [message, { content }] of turns.entries()) {
      for (const [place, fields] of content.entries()) {
        if (!isThinking(fields)) continue;
        const at = `messages.${message}.content.${place}: Invalid \`signature\` in \`thinking\` block`;
        const state = stateIn(fields);
        if (signs === 'empty') {
          if (state !== '') refuse(at);
          continue;
        }
        const given = givenOut.byState(state);
        if (given?.vendor !== vendor.id || fields.thinking !== given.thought) {
          refuse(at);
          continue;
        }
        if (binds && !isBound({ message, place, fields }, turns, json, before)) {
          if (dropsBlocks(json)) arrived.leftOut(given.name);
          else
            refuse(
              `${at}. The block is bound to a different conversation. Remove the block, or set \`thinking.block_binding.prefix_mismatch_behavior\` to "drop_block".`,
            );
        }
        before = String(state);
      }
    }
    for (const [index, turn] of turns.entries())
      if (turn.role === 'assistant') checkTurn(turn, turns, index, arrived, refuse);
  }

  function checkTurn(
    { content }: Turn,
    turns: readonly Turn[],
    index: number,
    arrived: Arrived,
    refuse: (message: string) => void,
  ): void {
    const { givenOut, conversation, json, leavesOut } = arrived;
    const thoughts = content.filter(isThinking);
    const inputs = callsIn(content).map(({ input }) => input);
    if (demands && inputs.length > 0 && thoughts.length === 0)
      refuse('The `content[].thinking` in the thinking mode must be passed back to the API.');
    const given = givenOut.byCalls(conversation, inputs);
    if (given?.vendor !== vendor.id || (thoughts.length === 1 && thoughts[0]?.thinking === given.thought)) return;
    if (thoughts.length === 0) {
      if (!demands && !leavesOut && wouldTake(given, turns.slice(0, index), json))
        arrived.wrong(`did not get its thinking of ${given.name} back`);
    } else if (signs === 'empty') {
      arrived.wrong(`got ${JSON.stringify(thoughts[0]?.thinking)} as its thinking of ${given.name}`);
    } else if (index === turns.findLastIndex(({ role }) => role === 'assistant'))
      refuse(
        `messages.${index}.content: \`thinking\` or \`redacted_thinking\` blocks in the latest assistant message cannot be modified. These blocks must remain as they were in the original response.`,
      );
  }

  /** Thinking that has nothing to be bound to any more is not missed, nor is any by a model that is not to think. */
  function wouldTake({ states }: Given, prefix: readonly Turn[], json: Fields): boolean {
    const thinks = isFields(json.thinking) ? json.thinking.type !== 'disabled' : thinksUnasked;
    return thinks && (!binds || bindings.get(String(states[0]))?.prefix === digestOf(json, prefix));
  }

  function isBound({ message, place, fields }: Block, turns: Turn[], json: Fields, before: string | null): boolean {
    const binding = bindings.get(String(fields.signature));
    const turn = turns[message];
    if (binding === undefined || turn === undefined) return false;
    const prefix = turns.slice(0, message);
    const inTurn = turn.content.slice(0, place).filter((block) => !isThinking(block));
    if (inTurn.length > 0) prefix.push({ role: turn.role, content: inTurn });
    // What is oldest may be left out, what stands between may not.
    return binding.prefix === digestOf(json, prefix) && (before === null || binding.before === before);
  }

  const dropsBlocks = ({ thinking }: Fields): boolean =>
    isFields(thinking) &&
    isFields(thinking.block_binding) &&
    thinking.block_binding.prefix_mismatch_behavior === 'drop_block';

  function give(draft: Draft, { json }: Arrived): ReturnType<StrictVendor['answer']> {
    const { conversation, name, text } = draft;
    const thought = thoughtOf(name);
    const signature = signs === 'empty' ? '' : stateOf(vendor.id, name, 'signature');
    const turns = turnsOf(json.messages);
    const signatures = turns.flatMap(({ content }) => content.filter(isThinking).map(stateIn));
    bindings.set(signature, {
      prefix: digestOf(json, turns),
      before: (signatures.at(-1) as string | undefined) ?? null,
    });
    const calls = draft.calls.map(({ id, input }, index) => ({
      id: id ?? `toolu_01${name.replace('-', '')}${index}`,
      name: 'Read',
      input,
    }));
    const given: Given = {
      vendor: vendor.id,
      conversation,
      name,
      thought,
      states: signs === 'empty' ? [] : [signature],
      text,
      calls,
    };
    const step = answer(
      [
        { type: 'thinking', text: thought, signature },
        { type: 'text', text },
        ...calls.map((call) => ({ type: 'tool_use' as const, ...call })),
      ],
      { wire: { fragment: 7 } },
    );
    return { given, step };
  }

  return { ...vendor, check, answer: give };
}
