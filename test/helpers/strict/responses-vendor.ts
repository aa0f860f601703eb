import { createHash } from 'node:crypto';
import { answer } from '../scriptable-upstream.ts';
import { responsesRefusals } from '../strict-openai.ts';
import { type Given, stateOf, thoughtOf } from './given-out.ts';
import { type Arrived, type Draft, type Fields, listOf, openaiError, type StrictVendor } from './vendor.ts';

/** What an item was made as. */
interface Made {
  id: string;
  /** Of the input that it was made behind. */
  prefix: string;
  /** Of the item that followed it. */
  next: string;
}

const PHASE = 'commentary';

/** OpenAI's Responses API, used without storing anything there. */
export function responsesVendor(vendor: Pick<StrictVendor, 'id' | 'model' | 'provider'>): StrictVendor {
  const made = new Map<string, Made>();

  const digestOf = ({ instructions, tools }: Fields, items: readonly Fields[]): string => {
    const said = items.filter(({ type }) => type !== 'reasoning').map(nameOf);
    return createHash('sha256')
      .update(JSON.stringify([instructions, tools, said]))
      .digest('base64');
  };

  function check(arrived: Arrived): void {
    const { json, conversation, givenOut } = arrived;
    const refuse = (message: string, code: string | null = null): void =>
      arrived.refuse(400, openaiError(message, code), message);
    const input = listOf(json.input).map(
      (item): Fields => (item.type === undefined && item.role !== undefined ? { ...item, type: 'message' } : item),
    );
    for (const problem of responsesRefusals({ ...json, input: input.map(withParts) })) refuse(problem);
    const back = new Set<string>();
    for (const [place, item] of input.entries()) {
      if (item.type !== 'reasoning') continue;
      const given = givenOut.byState(item.encrypted_content);
      const own = made.get(String(item.encrypted_content));
      if (given?.vendor !== vendor.id || own === undefined) {
        refuse(
          `The encrypted content for item ${item.id} could not be verified. Reason: Encrypted content could not be decrypted or parsed.`,
          'invalid_encrypted_content',
        );
        continue;
      }
      if (own.id !== item.id)
        refuse(
          `The encrypted content for item ${item.id} could not be verified. Reason: Encrypted content item_id did not match the target item id.`,
          'invalid_encrypted_content',
        );
      if (back.has(own.id))
        refuse(`Duplicate item found with id ${own.id}. Remove duplicate items from your input and try again.`);
      back.add(own.id);
      if (own.next !== nameOf(input[place + 1] ?? {}))
        refuse(`Item '${own.id}' of type 'reasoning' was provided without its required following item.`);
      if (own.prefix !== digestOf(json, input.slice(0, place))) arrived.leftOut(`${given.name}: prefix_mismatch`);
    }
    for (const calls of groupsOfCalls(input)) {
      const given = givenOut.byCalls(conversation, calls);
      if (given?.vendor !== vendor.id || arrived.leavesOut) continue;
      if (!given.states.every((state) => back.has(made.get(state)?.id ?? '')))
        arrived.wrong(`did not get its reasoning of ${given.name} back`);
      const said = input.find(({ type, content }) => type === 'message' && textOf(content) === given.text);
      if (given.text !== '' && said?.phase !== PHASE) arrived.wrong(`did not get the phase of "${given.text}" back`);
    }
  }

  function give(draft: Draft, { json }: Arrived): ReturnType<StrictVendor['answer']> {
    const { conversation, name, text } = draft;
    const thought = thoughtOf(name);
    const state = stateOf(vendor.id, name, 'encrypted');
    const id = `rs_${vendor.id}${name.replace('-', '')}`;
    const calls = draft.calls.map((call, index) => ({
      id: call.id ?? `call_${id}${index}`,
      name: 'Read',
      input: call.input,
    }));
    const given: Given = { vendor: vendor.id, conversation, name, thought, states: [state], text, calls };
    const phase = calls.length > 0 ? { phase: PHASE as typeof PHASE } : {};
    const step = answer(
      [
        { type: 'thinking', text: thought, signature: state, id },
        ...(text === '' ? [] : [{ type: 'text' as const, text, ...phase }]),
        ...calls.map((call) => ({ type: 'tool_use' as const, ...call })),
      ],
      { wire: { fragment: 7 } },
    );
    const first = calls[0];
    made.set(state, {
      id,
      prefix: digestOf(json, listOf(json.input)),
      next: text !== '' || first === undefined ? `says ${text}` : `calls ${JSON.stringify(first.input)}`,
    });
    return { given, step };
  }

  return { ...vendor, check, answer: give };
}

/** An item by what it says: ids and statuses are OpenAI's own. */
function nameOf(item: Fields): string {
  if (item.type === 'function_call') return `calls ${JSON.stringify(JSON.parse(String(item.arguments)))}`;
  if (item.type === 'function_call_output') return `returns ${JSON.stringify(item.output)}`;
  return item.role === 'assistant' ? `says ${textOf(item.content)}` : `${item.role} says ${textOf(item.content)}`;
}

const textOf = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : listOf(content)
        .map(({ text }) => String(text))
        .join('');

/** A message's content may be a text. */
const withParts = (item: Fields): Fields =>
  item.type === 'message' && typeof item.content === 'string'
    ? { ...item, content: [{ type: item.role === 'assistant' ? 'output_text' : 'input_text', text: item.content }] }
    : item;

/** Inputs of calls that follow each other. */
function groupsOfCalls(input: readonly Fields[]): unknown[][] {
  const groups: unknown[][] = [];
  let open = false;
  for (const item of input) {
    if (item.type !== 'function_call') {
      open = false;
      continue;
    }
    const call: unknown = JSON.parse(String(item.arguments));
    if (open) groups.at(-1)?.push(call);
    else groups.push([call]);
    open = true;
  }
  return groups;
}
