import type { ConfigInput } from '../../src-shared/config.ts';
import { readAsked } from '../conformance/upstreams.ts';
import { type Step, startUpstream, type UpstreamProtocol, type UpstreamRequest } from './scriptable-upstream.ts';
import { conversationIn, type Given, GivenOut, statesIn, thoughtsIn } from './strict/given-out.ts';
import { type Arrived, refusal, type StrictVendor } from './strict/vendor.ts';
import { strictVendors } from './strict/vendors.ts';

export { markOf } from './strict/given-out.ts';

/** Who asks. */
export interface Asker {
  protocol: UpstreamProtocol;
  /** It does not send back what it got of reasoning, or not all of it. */
  loses: boolean;
}

/** What the model does next in a conversation. */
export interface Plan {
  /** How many tools it calls; none ends its turn. */
  calls: number;
  /** Ids of the calls instead of the vendor's usual ones. */
  ids?: readonly string[];
  /** Inputs of the calls instead of ones that stand nowhere else. */
  paths?: readonly string[];
}

export interface StrictUpstream extends AsyncDisposable {
  readonly vendors: readonly StrictVendor[];
  readonly config: ConfigInput;
  readonly env: NodeJS.ProcessEnv;
  /** Everything that a vendor refused, or should have: `vendor: words`. */
  readonly problems: string[];
  /** What vendors said they left out. */
  readonly leftOut: string[];
  readonly asked: readonly UpstreamRequest[];
  /** Whose the next request is, where nothing in it says. */
  speaker: string;
  plan(conversation: string, plan: Plan, asker: Asker): void;
  /** What a conversation's requests must hold from now on: each result once, behind its call. */
  expectResults(conversation: string, results: readonly string[]): void;
  /** The last answer. */
  last(conversation: string): Given;
  /** For the next test. What was given out stays known. */
  reset(): void;
  /** Another engine asks from now on, and knows nothing of the fields that were refused. */
  meetAnotherEngine(): void;
}

/**
 * One server that is every vendor, each below a path of its own and as strict as it is said to be. Vendors know their own
 * answers by the inputs of the calls, and conversations by the mark of `markOf`.
 */
export async function startStrictUpstream(): Promise<StrictUpstream> {
  const upstream = await startUpstream();
  const vendors = strictVendors();
  const givenOut = new GivenOut();
  const problems: string[] = [];
  const leftOut: string[] = [];
  const plans = new Map<string, Plan & { asker: Asker }>();
  const refusedFields = new Set<string>();
  const expected = new Map<string, readonly string[]>();
  let speaker = '';
  let count = 0;

  function judge(request: UpstreamRequest): Step {
    const vendor = vendors.find(({ id }) => request.path.startsWith(`/${id}/`));
    if (vendor === undefined) throw new Error(`no vendor is at ${request.path}`);
    const { text, json } = request;
    const conversation = conversationIn(text) ?? speaker;
    const note = (problem: string): void =>
      void problems.push(`${vendor.id} (after ${givenOut.last(conversation)?.name ?? conversation}): ${problem}`);
    const plan = plans.get(conversation);
    if (plan === undefined) throw new Error(`nothing is planned for ${conversation}`);
    const passedThrough = plan.asker.protocol === request.protocol;
    let refused: Step | null = null;
    const arrived: Arrived = {
      request,
      json,
      conversation,
      givenOut,
      passedThrough,
      leavesOut: plan.asker.loses && passedThrough,
      refuse(status, body, message) {
        note(`${status} ${message}`);
        refused ??= refusal(status, body);
      },
      refuseField(status, body, field) {
        // It has said something already, and is asked again without that.
        if (refused !== null) return;
        const name = `${vendor.id} ${field}`;
        if (refusedFields.has(name)) note(`${status} again for ${field}`);
        refusedFields.add(name);
        refused = refusal(status, body);
      },
      wrong: note,
      leftOut: (what) => void leftOut.push(`${vendor.id}: ${what}`),
    };
    if (json.model !== vendor.model) note(`was asked for ${json.model}`);
    if (text.includes('cproxy1.')) note('got packed state');
    for (const state of statesIn(text)) {
      const given = givenOut.byState(state);
      const says = Buffer.from(state, 'base64').toString();
      if (given === undefined) note(`got a tampered state: ${says}`);
      else if (given.vendor !== vendor.id) note(`got a foreign state: ${says}`);
      else if (given.conversation !== conversation) note(`got a state of another conversation: ${says}`);
    }
    for (const thinker of thoughtsIn(text))
      if (thinker !== conversation) note(`got a thought of conversation ${thinker} in ${conversation}`);
    checkResults(request, expected.get(conversation) ?? [], note);
    vendor.check(arrived);
    if (refused !== null) return refused;
    count += 1;
    const name = `${conversation}-${count}`;
    const calls = Array.from({ length: plan.calls }, (_, index) => ({
      ...(plan.ids?.[index] === undefined ? {} : { id: plan.ids[index] }),
      input: { path: plan.paths?.[index] ?? `${name}${'abc'[index]}` },
    }));
    const { given, step } = vendor.answer({ conversation, name, text: `This is ${name}.`, calls }, arrived);
    givenOut.add(given);
    return step;
  }

  upstream.script(judge);
  return {
    vendors,
    config: { providers: vendors.map((vendor) => vendor.provider(`${upstream.url}/${vendor.id}`)) },
    env: { STRICT_KEY: 'sk-strict' },
    problems,
    leftOut,
    get asked() {
      return upstream.asked;
    },
    get speaker() {
      return speaker;
    },
    set speaker(name) {
      speaker = name;
    },
    plan: (conversation, plan, asker) => void plans.set(conversation, { ...plan, asker }),
    expectResults: (conversation, results) => void expected.set(conversation, results),
    last(conversation) {
      const given = givenOut.last(conversation);
      if (given === undefined) throw new Error(`nobody answered in ${conversation}`);
      return given;
    },
    meetAnotherEngine: () => refusedFields.clear(),
    reset() {
      problems.length = 0;
      leftOut.length = 0;
      plans.clear();
      expected.clear();
      upstream.requests.length = 0;
    },
    [Symbol.asyncDispose]: () => upstream.close(),
  };
}

/** Each result once, under the id of the call that it answers. */
function checkResults(request: UpstreamRequest, expected: readonly string[], note: (problem: string) => void): void {
  if (request.protocol === null) return;
  const { calls, results } = readAsked[request.protocol](request.json);
  const said = results.map(({ text }) => text);
  for (const result of expected) {
    const count = said.filter((text) => text.includes(result)).length;
    if (count !== 1) note(`got "${result}" ${count} times`);
  }
  if (said.length !== expected.length) note(`got ${said.length} results for ${expected.length}: ${said.join(' | ')}`);
  if (calls.length !== results.length) note(`got ${calls.length} calls with ${results.length} results`);
  calls.forEach(({ id }, index) => {
    if (results[index]?.id !== id) note(`got the result of ${results[index]?.id} in the place of that of ${id}`);
  });
}
