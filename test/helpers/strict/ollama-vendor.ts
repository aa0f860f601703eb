import { answer } from '../scriptable-upstream.ts';
import { ollamaRefusals } from '../strict-ollama.ts';
import { type Given, thoughtOf } from './given-out.ts';
import { type Arrived, type Draft, isFields, listOf, type StrictVendor } from './vendor.ts';

/** Ollama: another model's thinking would be words in the mouth of this one. */
export function ollamaVendor(vendor: Pick<StrictVendor, 'id' | 'model' | 'provider'>): StrictVendor {
  function check(arrived: Arrived): void {
    const { json, conversation, givenOut } = arrived;
    for (const problem of ollamaRefusals(json)) arrived.refuse(400, { error: problem }, problem);
    for (const message of listOf(json.messages)) {
      if (message.role !== 'assistant') continue;
      const inputs = listOf(message.tool_calls).map((call) => isFields(call.function) && call.function.arguments);
      const given = givenOut.byCalls(conversation, inputs);
      const own = given?.vendor === vendor.id ? given : null;
      if (own !== null && message.thinking !== own.thought)
        arrived.wrong(`did not get its thinking of ${own.name} back`);
      const thinking = String(message.thinking ?? '');
      const said = own ?? givenOut.byText(message.content);
      // What was said without calls nobody else remembers: a client that cuts it has cut it.
      if (thinking !== '' && !(said?.vendor === vendor.id && said.thought.endsWith(thinking)))
        arrived.wrong(`got thinking of another: ${thinking}`);
    }
  }

  function give(draft: Draft): ReturnType<StrictVendor['answer']> {
    const { conversation, name, text } = draft;
    const thought = thoughtOf(name);
    const calls = draft.calls.map(({ id, input }, index) => ({
      id: id ?? `call_${name.replace('-', '')}${index}`,
      name: 'Read',
      input,
    }));
    const given: Given = { vendor: vendor.id, conversation, name, thought, states: [], text, calls };
    const step = answer(
      [
        { type: 'thinking', text: thought },
        ...(text === '' ? [] : [{ type: 'text' as const, text }]),
        ...calls.map((call) => ({ type: 'tool_use' as const, ...call })),
      ],
      { wire: { fragment: 7 } },
    );
    return { given, step };
  }

  return { ...vendor, check, answer: give };
}
