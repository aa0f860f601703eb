import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AgentVendors, type Assignment, agentVendors, countTokens, type VendorName } from '../helpers/agent-vendors.ts';
import { type ClaudeCodeTalk, type ClaudeCodeTalkResult, talkToClaudeCode } from '../helpers/claude-code.ts';
import { requires } from '../helpers/missing-programs.ts';
import { type RecordingHop, startRecordingHop } from '../helpers/recording-hop.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { type ScriptableUpstream, startUpstream } from '../helpers/scriptable-upstream.ts';

const need = requires('claude-code');

type Tool = Assignment['work'][number][number];

const TURNS = 22;
const DONE = `All ${TURNS} turns are done.`;
const ALL = Object.keys(agentVendors) as VendorName[];
/** Thrown once. */
const SHUFFLED: VendorName[] = [
  'openai',
  'ollama',
  'deepseek',
  'claude',
  'gemini',
  'signer',
  'openrouter',
  'gemini',
  'ollama',
  'openai',
  'signer',
  'claude',
  'deepseek',
  'openrouter',
  'gemini',
  'openai',
  'openrouter',
  'signer',
  'ollama',
  'deepseek',
  'claude',
  'signer',
  'openrouter',
];
const TOOLS = ['--allowedTools', 'Agent', 'Bash', 'Read', 'Edit', 'Write'];
const ARGS = ['--model', 'long-run', ...TOOLS];
/** Some 2,000 tokens. */
const BIG = Array.from({ length: 200 }, (_, line) => `line ${line} of a file with words in it`).join('\n');

const bash = (command: string): Tool => ({
  type: 'tool_use',
  name: 'Bash',
  input: { command, description: 'Says it' },
});
/** Leaves its line, and fails where a project's work has it. */
const say = (line: string, more = ''): Tool => bash(`echo ${line} >> log.txt; echo "said ${line} ä😀"${more}`);

/** Work on the files of a project: every call leaves its trace, a second time another one. */
function workIn(folder: string, more = ''): Tool[][] {
  const file = (name: string): string => path.join(folder, name);
  const write = (name: string, content: string): Tool => ({
    type: 'tool_use',
    name: 'Write',
    input: { file_path: file(name), content },
  });
  let n = 0;
  const edit = (): Tool => ({
    type: 'tool_use',
    name: 'Edit',
    input: { file_path: file('notes.md'), old_string: `n = ${n};`, new_string: `n = ${++n};` },
  });
  const read: Tool = { type: 'tool_use', name: 'Read', input: { file_path: file('notes.md') } };
  return Array.from({ length: TURNS }, (_, turn) => {
    switch (turn % 5) {
      case 0:
        return turn === 0 ? [write('notes.md', 'n = 0;\n')] : [say(`${turn}`, `${more}; exit 3`)];
      case 1:
        return [read, say(`${turn}`, more)];
      case 2:
        return [edit()];
      case 3:
        return [say(`${turn}a`, more), say(`${turn}b`, more)];
      default:
        return [edit(), write(`file-${turn}.txt`, `of turn ${turn}\n`)];
    }
  });
}

/** What that work leaves behind. */
async function expectDone(folder: string): Promise<void> {
  const written = (name: string): Promise<string> => readFile(path.join(folder, name), 'utf8');
  const lines = '1 3a 3b 5 6 8a 8b 10 11 13a 13b 15 16 18a 18b 20 21'.split(' ');
  expect((await written('log.txt')).trim().split('\n').toSorted()).toEqual(lines.toSorted());
  expect(await written('notes.md')).toBe('n = 8;\n');
  for (const turn of [4, 9, 14, 19]) expect(await written(`file-${turn}.txt`)).toBe(`of turn ${turn}\n`);
}

const compactions = ({ events }: ClaudeCodeTalkResult) =>
  events.filter(({ subtype }) => subtype === 'compact_boundary');

/** It ended well, and nobody noticed anything: vendors no foreign state and no lost result, the client no failure. */
function expectWell(result: ClaudeCodeTalkResult, vendors: AgentVendors, answers: readonly string[]): void {
  expect(vendors.problems).toEqual([]);
  expect(result.answers).toEqual(answers);
  expect(result.events.filter(({ subtype }) => subtype === 'api_retry')).toEqual([]);
  expect(result.exitCode).toBe(0);
}

/** A provider itself had to refuse only what no count can tell from what fits. */
function expectNearly({ tooLarge }: AgentVendors, window: number): void {
  for (const { tokens } of tooLarge) expect(tokens).toBeLessThan(window * 1.05);
}

describe.skipIf(need.missing)(`a long run of the real Claude Code${need.reason}`, () => {
  let upstream: ScriptableUpstream;
  let running: RunningEngine;
  let hop: RecordingHop;
  let folder: string;

  /** An engine that has these vendors, each with its window if that is told. */
  const engineWith = (windows: Partial<Record<VendorName, number | null>>, home?: string): Promise<RunningEngine> => {
    const targets = ALL.filter((name) => windows[name] !== undefined);
    const names = targets.map((name) => `${name}/${agentVendors[name].model}`);
    return runEngine(
      {
        providers: targets.map((name) => ({
          ...agentVendors[name].provider(upstream.url),
          contextWindow: windows[name] ?? undefined,
        })),
        aliases: { 'long-run': names, 'for-subagents': names.toReversed() },
      },
      { env: { KEY: 'sk-provider-canary-1234567890' }, ...(home === undefined ? {} : { home }) },
    );
  };
  const everyVendor = Object.fromEntries(ALL.map((name) => [name, null]));

  beforeAll(async () => {
    upstream = await startUpstream({ countTokens });
  });
  // An engine for each: circuits that one run has opened would send the next elsewhere.
  beforeEach(async () => {
    upstream.reset();
    running = await engineWith(everyVendor);
    hop = await startRecordingHop(running.url);
    folder = await mkdtemp(path.join(tmpdir(), 'cproxy-claude-project-'));
    await writeFile(path.join(folder, 'big.txt'), BIG);
  });
  afterEach(async () => {
    await hop[Symbol.asyncDispose]();
    await running.stop();
    await rm(folder, { recursive: true, force: true });
  });
  afterAll(() => upstream.close());

  const talk = (prompts: readonly string[], more: Partial<ClaudeCodeTalk> = {}): Promise<ClaudeCodeTalkResult> =>
    talkToClaudeCode({ baseUrl: hop.url, token: running.token, prompts, cwd: folder, args: ARGS, ...more });

  /** Vendors that have something to do, and what they answer in an upstream of theirs. */
  const assign = (...given: ConstructorParameters<typeof AgentVendors>): AgentVendors => {
    const vendors = new AgentVendors(...given);
    upstream.script(vendors.script);
    return vendors;
  };

  it.each<[string, VendorName[]]>([
    [
      'where one after another is overloaded, and the first is well again',
      Array.from({ length: TURNS + 1 }, (_, turn) =>
        turn < 5 ? 'claude' : turn < 9 ? 'openrouter' : turn < 13 ? 'openai' : turn < 17 ? 'ollama' : 'claude',
      ),
    ],
    ['at every turn, in any order', SHUFFLED],
  ])('goes on when the provider changes %s', async (_name, order) => {
    const vendors = assign({ main: { work: workIn(folder), who: (turn) => order[turn] ?? 'claude' } });
    const result = await talk(['Do the work [main]']);
    expectWell(result, vendors, [DONE]);
    expect(vendors.answered.map(({ vendor }) => vendor)).toEqual(order);
    expect(hop.requests).toHaveLength(order.length);
    await expectDone(folder);
  });

  it('compacts by itself where the reported tokens near its window, and goes on at another provider', async () => {
    const others = ['claude', 'openai', 'ollama'] as const;
    const vendors = assign({
      main: {
        work: workIn(folder),
        // It compacts after every fifth turn and keeps the last of them: the next goes to its maker.
        who(turn, compaction) {
          if (compaction) return 'openrouter';
          return turn % 5 === 3 ? 'gemini' : (others[Math.floor(turn / 5) % 3] ?? 'claude');
        },
        tokens: (turns) => 12_000 + turns * 3_000,
      },
    });
    const env = { CLAUDE_CODE_MAX_CONTEXT_TOKENS: '60000' };
    const result = await talk(['Do the work [main]', 'Is it done? [main]'], { env });
    expectWell(result, vendors, [DONE, DONE]);
    expect(compactions(result)).toHaveLength(4);
    const after = vendors.answered.filter((_, index) => vendors.answered[index - 1]?.compaction);
    expect(after.map(({ vendor, held, returned }) => [vendor, held, returned])).toEqual([
      ['openai', 1, 1],
      ['ollama', 1, 1],
      ['claude', 1, 1],
      ['openai', 1, 1],
    ]);
    await expectDone(folder);
  });

  it.each<VendorName>(['claude', 'openai', 'ollama'])(
    'compacts when a request is too large for %s, the only provider',
    async (name) => {
      const windows = { [name]: 30_000 };
      const vendors = assign({ main: { work: workIn(folder, '; cat big.txt') } }, windows);
      await using engine = await engineWith(windows);
      const result = await talk(['Do the work [main]', 'Is it done? [main]'], {
        baseUrl: engine.url,
        token: engine.token,
      });
      expectWell(result, vendors, [DONE, DONE]);
      expect(compactions(result).length).toBeGreaterThan(1);
      expect(vendors.answered.filter(({ compaction }) => compaction)).toHaveLength(compactions(result).length);
      expectNearly(vendors, 30_000);
      await expectDone(folder);
    },
  );

  it('does not notice that a conversation outgrows one provider where another has a larger window', async () => {
    const windows = { openrouter: 30_000, ollama: 400_000 };
    const vendors = assign({ main: { work: workIn(folder, '; cat big.txt') } }, windows);
    await using engine = await engineWith(windows);
    const result = await talk(['Do the work [main]'], { baseUrl: engine.url, token: engine.token });
    expectWell(result, vendors, [DONE]);
    expect(compactions(result)).toEqual([]);
    const moved = vendors.answered.findIndex(({ vendor }) => vendor === 'ollama');
    expect(moved).toBeGreaterThan(5);
    expectNearly(vendors, 30_000);
    expect(vendors.answered.slice(moved).every(({ vendor }) => vendor === 'ollama')).toBe(true);
    await expectDone(folder);
  });

  it('keeps apart the reasoning of a subagent and of the conversation that began it', async () => {
    const once = say('once');
    const agent = { description: 'Looks', prompt: 'Look [sub]', subagent_type: 'general-purpose' };
    // Both call the same with the same ids.
    const toolId = (turn: number, place: number): string => `call_${turn * 2 + place}`;
    const vendors = assign({
      main: {
        work: [[{ type: 'tool_use', name: 'Agent', input: agent }, once], ...Array.from({ length: 5 }, () => [once])],
        who: (turn) => (turn % 2 === 0 ? 'openai' : 'claude'),
        toolId,
      },
      sub: {
        work: Array.from({ length: 6 }, () => [once]),
        who: (turn) => (turn % 3 === 0 ? 'openai' : turn % 3 === 1 ? 'gemini' : 'signer'),
        toolId,
      },
    });
    const result = await talk(['Do the work [main]'], { env: { CLAUDE_CODE_SUBAGENT_MODEL: 'for-subagents' } });
    expectWell(result, vendors, result.answers);
    expect(result.answers.at(-1)).toBe('All 6 turns are done.');
    const bySub = hop.requests.filter(({ headers }) => headers['x-claude-code-agent-id'] !== undefined);
    expect(bySub).toHaveLength(7);
    expect(await readFile(path.join(folder, 'log.txt'), 'utf8')).toBe('once\n'.repeat(12));
  });

  it('keeps apart the reasoning of two conversations that say and call the same at the same time', async () => {
    const order = ['openai', 'gemini', 'claude', 'openrouter', 'ollama'] as const;
    const assignment = (who: (turn: number) => VendorName | undefined): Assignment => ({
      work: Array.from({ length: 10 }, () => [say('once'), say('once')]),
      toolId: (turn, place) => `call_${turn * 2 + place}`,
      who: (turn) => who(turn) ?? 'claude',
    });
    const vendors = assign({
      left: assignment((turn) => order[turn % order.length]),
      right: assignment((turn) => order[(turn * 2 + 1) % order.length]),
    });
    // What tells them apart stands in the system prompt: the name of the folder.
    const folders = ['[left]', '[right]'].map((name) => path.join(folder, name));
    const results = await Promise.all(folders.map((cwd) => talk(['Do the work'], { cwd })));
    for (const result of results) expectWell(result, vendors, ['All 10 turns are done.']);
    for (const cwd of folders) expect(await readFile(path.join(cwd, 'log.txt'), 'utf8')).toBe('once\n'.repeat(20));
  });

  it.each([
    ['under the same name', 'long-run'],
    // What was answered under another name than it asks for now, it sends without its thinking.
    ['under another name', 'for-subagents'],
  ])('is continued after the engine was started anew, at other providers, %s', async (_name, model) => {
    const cwd = path.join(folder, 'project');
    const home = path.join(folder, 'home');
    // Nor does it send the thinking of an answer that tells the model's own name, as what is passed through does.
    const order = ['openai', 'gemini', 'openrouter', 'deepseek', 'ollama'] as const;
    const later = [...order, 'claude', 'signer'] as const;
    const work = workIn(cwd);
    const who = (turn: number): VendorName => (turn < 10 ? order[turn % 5] : later[turn % 7]) ?? 'claude';
    const main = { work: work.slice(0, 10), who };
    const vendors = assign({ main });
    let token = '';
    const session = async (prompt: string, ...args: string[]): Promise<ClaudeCodeTalkResult> => {
      await using engine = await engineWith(everyVendor, path.join(folder, 'engine'));
      // It is told when it is made, and never again.
      token ||= engine.token;
      return await talk([prompt], { baseUrl: engine.url, token, cwd, home, args: [...args, ...TOOLS] });
    };
    const begun = await session('Do the work [main]', '--model', 'long-run');
    expectWell(begun, vendors, ['All 10 turns are done.']);
    main.work = work;
    expectWell(await session('And the rest [main]', '--model', model, '--continue'), vendors, [DONE]);
    expect(vendors.answered.at(-1)?.held).toBe(TURNS);
    await expectDone(cwd);
  });

  it.each([
    ["of the provider's own", 'long-run', /^provider$/],
    ['made here', 'ollama/local-thinker', /^(?:tokenizer|learned)$/],
  ])('shows what its context holds by counts %s', async (_name, model, source) => {
    const vendors = assign({ main: { work: workIn(folder).slice(0, 2) } });
    const prompts = ['Do the work [main]', '/context', 'Again [main]'];
    const result = await talk(prompts, { args: ['--model', model, ...TOOLS] });
    const done = 'All 2 turns are done.';
    expectWell(result, vendors, [done, expect.stringContaining('## Context Usage'), done]);
    const counts = hop.requests.filter(({ url }) => url.startsWith('/v1/messages/count_tokens'));
    expect(counts.length).toBeGreaterThan(20);
    for (const { answer } of counts) {
      expect(answer?.status).toBe(200);
      expect(answer?.headers['x-cproxy-token-count']).toMatch(source);
    }
  });
});
