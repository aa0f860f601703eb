import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { agentClients, type ClientName, clientNames } from '../helpers/strict/agent-clients.ts';
import { AgentConversation, type Step } from '../helpers/strict/conversation.ts';
import { strictVendors } from '../helpers/strict/vendors.ts';
import { type StrictUpstream, startStrictUpstream } from '../helpers/strict-upstream.ts';

/**
 * Conversations of agents with vendors that are as strict as the real ones: each gets its own reasoning back, nobody gets
 * another's, and nothing is refused, whatever the client loses of it and whoever is asked in between.
 */

let upstream: StrictUpstream;
let running: RunningEngine;

beforeAll(async () => {
  upstream = await startStrictUpstream();
  running = await runEngine(upstream.config, { env: upstream.env });
});
beforeEach(() => upstream.reset());
afterAll(async () => {
  await running.stop();
  await upstream[Symbol.asyncDispose]();
});

const vendorIds = strictVendors().map(({ id }) => id);

let conversations = 0;
/** Letters only. */
function nextName(): string {
  conversations += 1;
  return [...String(conversations)].map((digit) => 'ABCDEFGHIJ'[Number(digit)]).join('');
}

function begin(client: ClientName, options: { headers?: Record<string, string>; opening?: string } = {}) {
  const { headers = {}, opening } = options;
  const address = { url: running.url, token: running.token, headers };
  return new AgentConversation(nextName(), agentClients[client], upstream, address, opening);
}

async function walk(conversation: AgentConversation, steps: readonly Step[]): Promise<void> {
  for (const step of steps) await conversation.step(step);
}

/** Claude Code names its session. */
const inSession = (session: string, agent?: string): Record<string, string> => ({
  'x-claude-code-session-id': session,
  ...(agent === undefined ? {} : { 'x-claude-code-agent-id': agent }),
});

describe.each(clientNames)('%s', (client) => {
  it.each(vendorIds)('goes ten turns through a loop of tools with %s', async (vendor) => {
    const conversation = begin(client);
    for (let turn = 0; turn < 10; turn += 1)
      await conversation.step({ vendor, stream: turn % 3 !== 1, calls: turn === 5 ? 0 : 1 + (turn % 2) });
    expect(upstream.problems).toEqual([]);
    expect(upstream.leftOut).toEqual([]);
  });

  it('goes from vendor to vendor at every turn, in any order', async () => {
    const step = fc.record({
      vendor: fc.constantFrom(...vendorIds),
      stream: fc.boolean(),
      calls: fc.constantFrom(1, 1, 2, 1, 0),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 14 }), async (steps) => {
        upstream.reset();
        const left = await walk(begin(client), steps).catch(String);
        const wrong = [left ?? [], upstream.problems, upstream.leftOut].flat();
        const way = steps.map(({ vendor, calls, stream }) => `${vendor}:${calls}${stream ? 's' : 'w'}`).join(' > ');
        if (wrong.length > 0) throw new Error(`${way}\n${wrong.join('\n')}`);
      }),
      { numRuns: 6, seed: 4 },
    );
  });
});

/** Vendors that miss what they do not get back; of each dialect at least one, with a client that loses it. */
const forgetful: [ClientName, string][] = [
  ['Messages without thinking', 'gpt'],
  ['Messages without thinking', 'deepseek'],
  ['Messages without thinking', 'gemini'],
  ['Chat SDK', 'deepseek'],
  ['Chat SDK', 'openrouter'],
  ['Chat without reasoning', 'claude'],
  ['Chat without reasoning', 'gemini'],
  ['Chat without reasoning', 'deepseek'],
  ['Responses without reasoning', 'minimax'],
  ['Responses without reasoning', 'routed'],
];

describe('conversations side by side', () => {
  const step = (vendor: string, more: Partial<Step> = {}): Step => ({ vendor, stream: true, calls: 1, ...more });

  it.each(forgetful)(
    '%s with %s: the same beginning and the same ids are not the same conversation',
    async (client, vendor) => {
      const opening = 'Look into it.';
      const both = [begin(client, { opening }), begin(client, { opening })];
      // While nothing but the opening is said, nobody could tell them apart.
      for (const conversation of both) {
        upstream.speaker = conversation.name;
        await conversation.step(step(vendor, { ids: ['call00000'] }));
      }
      for (const id of ['call00001', 'call00002', 'call00003'])
        await Promise.all(both.map((conversation) => conversation.step(step(vendor, { ids: [id] }))));
      expect(upstream.problems).toEqual([]);
    },
  );

  it.each(forgetful)(
    '%s with %s: a session and its subagents stay apart, though they call the same tools with the same ids',
    async (client, vendor) => {
      const session = `session-${client}-${vendor}`;
      const opening = 'Look into it.';
      const all = [undefined, 'agent-1', 'agent-2'].map((agent) =>
        begin(client, { opening, headers: inSession(session, agent) }),
      );
      for (let turn = 0; turn < 4; turn += 1)
        for (const conversation of all) {
          upstream.speaker = conversation.name;
          const ids = [`call0000${turn}`];
          await conversation.step(step(vendor, { ids, paths: [`same/${turn}`] }));
        }
      expect(upstream.problems).toEqual([]);
    },
  );
});

const steps = (vendor: string, count: number): Step[] =>
  Array.from({ length: count }, (_, turn) => ({ vendor, stream: turn % 2 === 0, calls: 1 }));

/** The requests that problems are of: one may have several. */
const requestsOf = (problems: readonly string[]): Set<string> =>
  new Set(problems.map((problem) => /^.*?\(after .*?\)/.exec(problem)?.[0] ?? problem));

/**
 * What Anthropic says to thinking whose prefix has changed, of the client's own sending. Only Anthropic can know, so it may say
 * so once.
 */
const isBound = (problem: string): boolean => problem.includes('The block is bound to a different conversation');
const boundRequests = (): Set<string> => requestsOf(upstream.problems.filter(isBound));
/** The vendor goes without, or with the part that the client has kept, and would have liked to have it. */
const isMissing = (problem: string): boolean =>
  /did not get|got the stand-in|got .* as its|got \[.* for \[/.test(problem);

describe('a client that puts a summary in the place of its history', () => {
  describe.each(clientNames)('%s', (client) => {
    it.each(vendorIds)('goes on with %s, which gets back what is still valid', async (vendor) => {
      const conversation = begin(client, { headers: inSession(`compacted-${client}-${vendor}`) });
      await walk(conversation, steps(vendor, 3));
      conversation.compact(2);
      await walk(conversation, steps(vendor, 2));
      conversation.compact(0);
      await walk(conversation, steps(vendor, 1));
      expect(upstream.problems.filter((problem) => !isBound(problem))).toEqual([]);
      const mayBeBound = vendor === 'claude' && client === 'Messages SDK';
      expect(boundRequests().size).toBeLessThanOrEqual(mayBeBound ? 1 : 0);
    });
  });

  it.each(clientNames)('%s: is not refused by anyone without a name for its session', async (client) => {
    const conversation = begin(client);
    const everyone = vendorIds.flatMap((vendor) => steps(vendor, 1));
    await walk(conversation, everyone);
    conversation.compact(6);
    await walk(conversation, everyone);
    expect(upstream.problems.filter((problem) => !isBound(problem) && !isMissing(problem))).toEqual([]);
    expect(boundRequests().size).toBeLessThanOrEqual(client === 'Messages SDK' ? 1 : 0);
  });
});

describe('clients that change what was', () => {
  it.each(clientNames)('%s takes steps back, and other answers come with the same ids', async (client) => {
    for (const vendor of vendorIds) {
      const conversation = begin(client, { headers: inSession(`rewound-${client}-${vendor}`) });
      const again: Step[] = [0, 1].map((turn) => ({ vendor, stream: true, calls: 1, ids: [`call0001${turn}`] }));
      await walk(conversation, [...steps(vendor, 1), ...again]);
      conversation.rewind(2);
      await walk(conversation, again);
      conversation.rewind(1);
      await walk(conversation, [...again.slice(1), ...steps(vendor, 1)]);
    }
    expect(upstream.problems).toEqual([]);
    expect(upstream.leftOut).toEqual([]);
  });

  // Who keeps a signature sends it with the call that was changed.
  it.each<ClientName>(['Messages without thinking', 'Chat without reasoning', 'Responses without reasoning'])(
    '%s changes the input of a call, and all others keep their reasoning',
    async (client) => {
      for (const vendor of vendorIds) {
        const conversation = begin(client);
        await walk(conversation, steps(vendor, 3));
        conversation.edit(1);
        await walk(conversation, steps(vendor, 2));
      }
      expect(upstream.problems).toEqual([]);
    },
  );
});

describe('servers of which nothing is known', () => {
  it.each(clientNames)('%s: each says once what it wants, and is given it from then on', async (client) => {
    const providers = upstream.config.providers?.map(({ quirks, ...provider }) => provider) ?? [];
    await using engine = await runEngine({ providers }, { env: upstream.env });
    upstream.meetAnotherEngine();
    for (const vendor of ['unsigned', 'deepseek', 'gemini', 'minimax', 'openrouter']) {
      for (const mostRefusals of [1, 0]) {
        upstream.reset();
        const conversation = new AgentConversation(nextName(), agentClients[client], upstream, engine);
        await walk(conversation, [...steps('claude', 1), ...steps(vendor, 3)]);
        expect(upstream.problems.filter((problem) => !problem.includes(': 400 '))).toEqual([]);
        expect(requestsOf(upstream.problems).size, upstream.problems.join('\n')).toBeLessThanOrEqual(mostRefusals);
      }
    }
    upstream.meetAnotherEngine();
  });
});

describe('an engine that stops in the middle of conversations', () => {
  beforeEach(() => upstream.meetAnotherEngine());
  afterEach(() => upstream.meetAnotherEngine());

  it('goes on where it was', async () => {
    const home = await mkdtemp(path.join(tmpdir(), 'cproxy-restarted-'));
    try {
      const options = { env: upstream.env, home };
      let engine = await runEngine(upstream.config, options);
      const { token } = engine;
      const plans = clientNames.flatMap((client) =>
        // To the first vendor again after the others: its answers must be known to all of them.
        [...vendorIds, vendorIds[0] ?? ''].map((vendor) => ({ client, vendor })),
      );
      const conversations = new Map(clientNames.map((client) => [client, begin(client)]));
      const run = async (part: typeof plans): Promise<void> => {
        for (const { client, vendor } of part) {
          const conversation = conversations.get(client);
          if (conversation === undefined) throw new Error(`${client} has no conversation`);
          conversation.address = { url: engine.url, token };
          await walk(conversation, [{ vendor, stream: true, calls: 1 }]);
        }
      };
      await run(plans);
      await engine.stop();
      upstream.meetAnotherEngine();
      engine = await runEngine(upstream.config, options);
      await run(plans);
      await engine.stop();
      expect(upstream.problems).toEqual([]);
      expect(upstream.leftOut).toEqual([]);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  });
});
