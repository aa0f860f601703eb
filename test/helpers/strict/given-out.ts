/** One answer, as a vendor gave it out. */
export interface Given {
  vendor: string;
  conversation: string;
  /** Its own, such as `A-7`. It stands in its texts, and its calls are `A-7a`, `A-7b` … */
  name: string;
  /** The reasoning's text; '' where it did not think. */
  thought: string;
  /** Opaque values that only its maker may get back. */
  states: readonly string[];
  text: string;
  calls: readonly GivenCall[];
}

export interface GivenCall {
  id: string;
  name: string;
  input: { path: string };
}

/** Looks like the base64 of any vendor. */
const STATE = /U1RBVEUg[A-Za-z0-9+/=]+/g;
const THOUGHT = /\[thought ([A-Za-z]+)-\d+\]/g;
const CONVERSATION = /\[in ([A-Za-z]+)\]/g;

export const stateOf = (vendor: string, name: string, part: string): string =>
  Buffer.from(`STATE of ${vendor}: ${name} ${part}`).toString('base64');

/** With what breaks when a text is joined, cut or escaped carelessly. */
export const thoughtOf = (name: string): string =>
  `[thought ${name}] "Where is it?" – grübel.\n\nThen I look there. 世界`;

/** What clients write behind whatever they say, so that a vendor knows which conversation it is in. */
export const markOf = (conversation: string): string => `[in ${conversation}]`;

/** States in a request's bytes. Base64 is written alike in every JSON. */
export const statesIn = (text: string): string[] => text.match(STATE) ?? [];
/** Conversations whose thoughts stand in a request's bytes. */
export const thoughtsIn = (text: string): string[] => [...text.matchAll(THOUGHT)].map(([, name]) => name ?? '');
/** The conversation of which something was said last; null where nothing says. */
export const conversationIn = (text: string): string | null => [...text.matchAll(CONVERSATION)].at(-1)?.[1] ?? null;

/** Everything that the vendors of one test have given out. */
export class GivenOut {
  readonly #answers: Given[] = [];
  readonly #byState = new Map<string, Given>();
  readonly #byCall = new Map<string, Given>();

  add(given: Given): void {
    this.#answers.push(given);
    for (const state of given.states) this.#byState.set(state, given);
    for (const { input } of given.calls) this.#byCall.set(`${given.conversation} ${input.path}`, given);
  }

  byState(state: unknown): Given | undefined {
    return typeof state === 'string' ? this.#byState.get(state) : undefined;
  }

  /**
   * The answer whose calls these are, all of them and in their order, by their inputs: ids are changed on the way to vendors
   * that take others.
   */
  byCalls(conversation: string, inputs: readonly unknown[]): Given | undefined {
    const paths = inputs.map((input) => String((input as { path?: unknown } | null)?.path));
    const given = this.#byCall.get(`${conversation} ${paths[0]}`);
    return given?.calls.map((call) => call.input.path).join() === paths.join() ? given : undefined;
  }

  /** The answer without calls whose text this is. */
  byText(text: unknown): Given | undefined {
    return this.#answers.find((given) => given.calls.length === 0 && given.text === text);
  }

  last(conversation: string): Given | undefined {
    return this.#answers.findLast((given) => given.conversation === conversation);
  }
}
