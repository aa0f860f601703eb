import type { Plan, StrictUpstream } from '../strict-upstream.ts';
import type { Address, Answered, ClientWays } from './agent-clients.ts';
import { markOf } from './given-out.ts';
import type { Fields } from './vendor.ts';

/** One step of a conversation: which provider is asked, and what it does. */
export interface Step extends Plan {
  /** Id of the vendor. */
  vendor: string;
  stream: boolean;
}

const pathOf = (input: unknown): string => String((input as { path?: unknown }).path);

/** A conversation that one client holds with the strict vendors, by way of an engine. */
export class AgentConversation {
  readonly name: string;
  /** What is sent, a list of items for each question, answer and round of results. */
  readonly turns: Fields[][] = [];
  readonly #client: ClientWays;
  readonly #upstream: StrictUpstream;
  /** Results in each of the turns. */
  readonly #results = new Map<Fields[], string[]>();
  address: Address;

  /** @param opening the first question; without the conversation's mark where it is the same in several. */
  constructor(name: string, client: ClientWays, upstream: StrictUpstream, address: Address, opening?: string) {
    this.name = name;
    this.address = address;
    this.#client = client;
    this.#upstream = upstream;
    this.say(opening ?? `Find it. ${markOf(name)}`);
  }

  say(text: string): void {
    this.turns.push([this.#client.question(text)]);
  }

  /** A summary takes the place of all but the last steps. */
  compact(kept: number): void {
    const summary = this.#client.question(`Summary: nothing was found yet. ${markOf(this.name)}`);
    this.turns.splice(0, this.turns.length - 2 * kept, [summary]);
  }

  /** Takes the last steps back. */
  rewind(steps: number): void {
    this.turns.length -= 2 * steps;
  }

  /** Changes the inputs of a step's calls. @param step counted from 0. */
  edit(step: number): void {
    const place = 1 + 2 * step;
    const answer = this.turns[place] ?? [];
    let json = JSON.stringify(answer);
    for (const { input } of this.#client.read(answer).calls)
      json = json.replaceAll(pathOf(input), `other/${pathOf(input)}`);
    this.turns[place] = JSON.parse(json) as Fields[];
  }

  /** Asks, and gives the answer and the results of its calls a place. @throws Error where the client got an error. */
  async step({ vendor: id, stream, ...plan }: Step): Promise<Answered> {
    const vendor = this.#upstream.vendors.find((each) => each.id === id);
    if (vendor === undefined) throw new Error(`there is no vendor ${id}`);
    this.#upstream.plan(this.name, plan, this.#client);
    this.#upstream.expectResults(
      this.name,
      this.turns.flatMap((turn) => this.#results.get(turn) ?? []),
    );
    const kept = await this.#client.ask(this.address, `${id}/${vendor.model}`, this.turns.flat(), stream);
    this.turns.push(kept);
    const answered = this.#client.read(kept);
    this.#checkAnswer(id, answered);
    if (answered.calls.length === 0) this.say(`Go on. ${markOf(this.name)}`);
    else {
      const results = answered.calls.map(({ id: call, input }) => ({
        id: call,
        text: `content of ${pathOf(input)} ${markOf(this.name)}`,
      }));
      const turn = this.#client.results(results);
      this.turns.push(turn);
      this.#results.set(
        turn,
        results.map(({ text }) => text),
      );
    }
    return answered;
  }

  #checkAnswer(vendor: string, { text, calls }: Answered): void {
    const given = this.#upstream.last(this.name);
    const said = JSON.stringify([vendor, text, calls.map(({ name, input }) => [name, input])]);
    const expected = JSON.stringify([given.vendor, given.text, given.calls.map(({ name, input }) => [name, input])]);
    if (said !== expected) this.#upstream.problems.push(`the client got ${said} for ${expected}`);
  }
}
