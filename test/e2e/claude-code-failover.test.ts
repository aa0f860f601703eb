import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAsked } from '../conformance/upstreams.ts';
import { type ClaudeCodeTalk, type ClaudeCodeTalkResult, talkToClaudeCode } from '../helpers/claude-code.ts';
import { requires } from '../helpers/missing-programs.ts';
import { type RecordedRequest, type RecordingHop, startRecordingHop } from '../helpers/recording-hop.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import {
  answer,
  callTools,
  close,
  fail,
  hang,
  type ScriptableUpstream,
  type Step,
  say,
  startUpstream,
  type UpstreamRequest,
} from '../helpers/scriptable-upstream.ts';

const need = requires('claude-code');

const TURNS = 8;
/** The first provider dies before it has answered this one, and is well again with a later one. */
const DIES_AT = 3;
const WELL_AT = 6;
const DONE = `All ${TURNS} turns are done.`;
const TOOLS = ['--allowedTools', 'Agent', 'Bash', 'WebSearch'];
const env = { KEY: 'sk-provider-canary-1234567890' };

const asked = (request: UpstreamRequest) => {
  if (request.protocol === null) throw new Error('that was no question to a model');
  return readAsked[request.protocol](request.json);
};

/** The turn of the work that is asked for. */
const turnOf = (request: UpstreamRequest): number => asked(request).results.length;
const callId = (turn: number): string => `toolu_0000000000000000000${turn}`;
const isAbout = (request: UpstreamRequest, word: string): boolean =>
  asked(request).texts.some((text) => text.includes(word));

/** What a model does that is told to do the work: every call leaves its line, a second time another one. */
function work(request: UpstreamRequest): Step {
  if (isAbout(request, '[greeting]')) return say('Good day.');
  const turn = turnOf(request);
  if (turn === TURNS) return say(DONE);
  const command = `echo ${turn} >> log.txt; echo "said ${turn} ä😀"`;
  return answer(
    [
      { type: 'text', text: `Turn ${turn} …` },
      { type: 'tool_use', id: callId(turn), name: 'Bash', input: { command, description: 'Says it' } },
    ],
    { wire: { randomChunks: turn + 1 } },
  );
}

/** How the first provider dies: what it does to a request from then on; null: it does not listen any more. */
const deaths: [string, Step | null][] = [
  ['refuses connections', null],
  ['cuts connections before it answers', close()],
  ['cuts streams before their content', say('x', { breakAfter: { frames: 1, how: 'reset' } })],
  ['is overloaded', fail(529, { type: 'overloaded_error' })],
  ['answers HTTP 500', fail(500)],
  ['hangs', hang()],
  ['fails inside streams', say('x', { errorAfter: { frames: 1, type: 'overloaded_error' } })],
];

const providersOf = ({ answer: given }: RecordedRequest): string =>
  `${given?.headers['x-cproxy-provider']} after ${given?.headers['x-cproxy-attempts']}`;

describe.skipIf(need.missing)(`the real Claude Code${need.reason}`, () => {
  let first: ScriptableUpstream;
  let second: ScriptableUpstream;
  let folder: string;
  const closing: (() => PromiseLike<void>)[] = [];

  beforeEach(async () => {
    first = await startUpstream();
    second = await startUpstream();
    folder = await mkdtemp(path.join(tmpdir(), 'cproxy-claude-project-'));
  });
  afterEach(async () => {
    for (const one of closing.splice(0).toReversed()) await one();
    await first.close();
    await second.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function started(affinity: object = {}): Promise<{ engine: RunningEngine; hop: RecordingHop }> {
    const engine = await runEngine(
      {
        providers: [
          {
            id: 'first',
            type: 'anthropic',
            baseUrl: first.url,
            models: ['claude-opus-5-5'],
            key: 'env:KEY',
            timeouts: { silenceMs: 1_000 },
          },
          { id: 'second', type: 'openai-compatible', baseUrl: second.url, models: ['gpt-local'], key: 'env:KEY' },
        ],
        aliases: { work: ['first/claude-opus-5-5', 'second/gpt-local'] },
        routing: { affinity },
      },
      { env },
    );
    closing.push(() => engine.stop());
    const hop = await startRecordingHop(engine.url);
    closing.push(() => hop[Symbol.asyncDispose]());
    return { engine, hop };
  }

  const talk = (
    { engine, hop }: { engine: RunningEngine; hop: RecordingHop },
    prompts: readonly string[],
    more: Partial<ClaudeCodeTalk> = {},
  ): Promise<ClaudeCodeTalkResult> =>
    talkToClaudeCode({
      baseUrl: hop.url,
      token: engine.token,
      prompts,
      cwd: folder,
      args: ['--model', 'work', ...TOOLS],
      ...more,
    });

  /** It ended well, and Claude Code noticed nothing. */
  function expectWell(result: ClaudeCodeTalkResult, answers: readonly string[]): void {
    expect(result.stderr).not.toContain('Error');
    expect(result.answers).toEqual(answers);
    expect(result.events.filter(({ subtype }) => subtype === 'api_retry')).toEqual([]);
    expect(result.exitCode).toBe(0);
  }

  /** Every call was made once, in its order, and each has its own result. */
  async function expectWhole(last: RecordedRequest | undefined): Promise<void> {
    const ids = Array.from({ length: TURNS }, (_, turn) => callId(turn));
    const { calls, results } = readAsked.anthropic(JSON.parse(last?.body.toString() ?? '{}'));
    expect(calls.map(({ id }) => id)).toEqual(ids);
    expect(results.map(({ id }) => id)).toEqual(ids);
    expect(results.map(({ text }) => text.trim())).toEqual(ids.map((_, turn) => `said ${turn} ä😀`));
    expect(await readFile(path.join(folder, 'log.txt'), 'utf8')).toBe(ids.map((_, turn) => `${turn}\n`).join(''));
  }

  /** The first dies in the middle of the work and comes back before its end. */
  function dyingFirst(death: Step | null): void {
    first.script((request) => {
      const turn = turnOf(request);
      const isDead = !isAbout(request, '[greeting]') && turn >= DIES_AT && turn < WELL_AT;
      if (isDead && death !== null) return death;
      // It is gone before the next turn.
      if (death === null && turn === DIES_AT - 1) void request.ended.then(() => first.close());
      return work(request);
    });
    second.script(async (request) => {
      if (death === null && turnOf(request) === WELL_AT) await first.reopen();
      return work(request);
    });
  }

  it.each(deaths)(
    'finishes its work while the first provider %s, and asks it again in the next conversation',
    async (_name, death) => {
      dyingFirst(death);
      const running = await started();
      const result = await talk(running, ['Do the work']);
      expectWell(result, [DONE]);
      const { requests } = running.hop;
      await expectWhole(requests.at(-1));
      // In the middle of its turn it does not go back, whoever is well again.
      expect(requests.map(providersOf)).toEqual([
        ...Array.from({ length: DIES_AT }, () => 'first after 1'),
        'second after 2',
        ...Array.from({ length: TURNS - DIES_AT }, () => 'second after 1'),
      ]);
      requests.length = 0;
      const later = await talk(running, ['Hello [greeting]']);
      expectWell(later, ['Good day.']);
      expect(requests.map(providersOf)).toEqual(['first after 1']);
    },
  );

  it('returns with its next turn where the first provider has been well for long enough', async () => {
    dyingFirst(fail(529, { type: 'overloaded_error' }));
    const running = await started({ returnAfterMs: 1 });
    const result = await talk(running, ['Do the work', 'Is it done? [greeting]']);
    expectWell(result, [DONE, 'Good day.']);
    const { requests } = running.hop;
    expect(requests.slice(-2).map(providersOf)).toEqual(['second after 1', 'first after 1']);
    await expectWhole(requests.at(-1));
  });

  it.each([
    ['inferred', {}],
    ['as it says itself', { CLAUDE_CODE_GATEWAY_HINT_HEADERS: '1' }],
  ])('has its subagents, searches and summaries go where rules send them, the class %s', async (_name, hints) => {
    const engine = await runEngine(
      {
        providers: [
          { id: 'claude', type: 'anthropic', baseUrl: first.url, models: ['claude-opus-5-5'], key: 'env:KEY' },
          { id: 'chat', type: 'openai-compatible', baseUrl: second.url, models: ['small', 'searcher', 'summarizer'] },
        ],
        routing: {
          rules: [{ id: 'helpers', when: { class: 'subagent', agent: '*' }, use: { targets: 'chat/small' } }],
          routes: { webSearch: 'chat/searcher', compaction: 'chat/summarizer' },
        },
      },
      { env },
    );
    closing.push(() => engine.stop());
    const hop = await startRecordingHop(engine.url);
    closing.push(() => hop[Symbol.asyncDispose]());
    const agent = { description: 'Looks', prompt: 'Look [sub]', subagent_type: 'general-purpose' };
    const calls = [
      { id: callId(0), name: 'Agent', input: agent },
      { id: callId(1), name: 'WebSearch', input: { query: 'the sky' } },
    ];
    first.script((request) => {
      if (isAbout(request, '[greeting]')) return say('Good day.');
      const call = calls.shift();
      return call === undefined ? say('Looked and searched.') : callTools([call]);
    });
    second.script((request) => {
      if (request.model === 'summarizer') return say('<analysis>…</analysis>\n<summary>\nAll was done.\n</summary>');
      if (request.model === 'searcher') return say('The sky is blue.');
      const input = { command: 'echo sub >> log.txt', description: 'Says it' };
      return turnOf(request) === 0
        ? callTools([{ id: callId(9), name: 'Bash', input }])
        : say('The subagent has looked.');
    });
    const prompts = ['Do the work', '/compact', 'And now? [greeting]'];
    const result = await talk({ engine, hop }, prompts, { args: ['--model', 'claude-opus-5-5', ...TOOLS], env: hints });
    expect(result.answers.at(-1)).toBe('Good day.');
    expect(result.exitCode).toBe(0);
    expect(await readFile(path.join(folder, 'log.txt'), 'utf8')).toBe('sub\n');

    const routed = hop.requests.map(({ headers, answer: given }) => ({
      isSubagent: headers['x-claude-code-agent-id'] !== undefined,
      route: given?.headers['x-cproxy-route'],
      model: given?.headers['x-cproxy-model'],
    }));
    const went = (route: string): unknown[] => routed.filter((one) => one.route === route).map(({ model }) => model);
    expect(went('rule helpers')).toEqual(['small', 'small']);
    expect(routed.filter(({ isSubagent }) => isSubagent).map(({ route }) => route)).toEqual([
      'rule helpers',
      'rule helpers',
    ]);
    // It searches again where it was told of no sources.
    expect(new Set(went('rule web-search'))).toEqual(new Set(['searcher']));
    expect(went('rule compaction')).toEqual(['summarizer']);
    // And the conversation itself is untouched.
    const others = routed.filter(({ route }) => !/^rule /.test(String(route)));
    expect(others.length).toBeGreaterThanOrEqual(4);
    expect(new Set(others.map(({ route, model }) => `${route}: ${model}`))).toEqual(
      new Set(['model claude-opus-5-5: claude-opus-5-5']),
    );
  });
});
