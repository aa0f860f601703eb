import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AnswerMessage } from '../../src-main/protocols/canonical.ts';
import type { ConfigInput } from '../../src-shared/config.ts';
import { AgentSession, LONG_NAME, type Outcome } from '../helpers/agent-session.ts';
import { collectMessage } from '../helpers/answers.ts';
import { checkEventGrammar, parseAnthropicSse } from '../helpers/event-grammar.ts';
import { brokenPrefix, type Prompt, promptOf } from '../helpers/prompt-prefix.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import {
  answer,
  type Part,
  type ScriptableUpstream,
  type Step,
  startUpstream,
} from '../helpers/scriptable-upstream.ts';
import { ollamaRefusals } from '../helpers/strict-ollama.ts';
import { type ChatVendor, chatRefusals, responsesRefusals } from '../helpers/strict-openai.ts';

type Json = Record<string, unknown>;

/** Where the name makes a difference. */
const MODELS: Partial<Record<ChatVendor, string>> = { openai: 'gpt-4.1', mistral: 'devstral-small-2' };

const KEPT: Partial<Record<ChatVendor, string>> = {
  deepseek: '"reasoning_content":"Thought 45."',
  gemini: '"thought_signature":"skip_thought_signature_validator"',
};
const REASONING =
  '"type":"reasoning","summary":[{"type":"summary_text","text":"Thought 45."}],"encrypted_content":"Z0FBQUFB"';

/** Every dialect that Claude Code's own is translated to, and what its vendors refuse. */
const targets: readonly {
  name: string;
  model: string;
  refusals: (body: unknown) => string[];
  /** Stands in the last request: what the provider must be given back. */
  keeps: string;
}[] = [
  ...(['local', 'openai', 'openrouter', 'deepseek', 'gemini', 'mistral'] as const).map((vendor: ChatVendor) => ({
    name: `Chat Completions of ${vendor}`,
    model: `${vendor}/${MODELS[vendor] ?? 'vendor/m'}`,
    refusals: (body: unknown) => chatRefusals(body, vendor),
    keeps: KEPT[vendor] ?? '"type":"image_url"',
  })),
  { name: "OpenAI's Responses", model: 'responses/gpt-5.6-terra', refusals: responsesRefusals, keeps: REASONING },
  { name: "a local server's Responses", model: 'local-responses/m', refusals: responsesRefusals, keeps: REASONING },
  { name: 'Ollama', model: 'ollama/m', refusals: ollamaRefusals, keeps: '"thinking":"Thought 45."' },
];

const providers = (baseUrl: string): ConfigInput['providers'] => [
  { id: 'local', type: 'openai-compatible', baseUrl },
  { id: 'openai', type: 'openai', baseUrl, protocols: ['openai-chat'], key: 'env:KEY' },
  { id: 'openrouter', type: 'openrouter', baseUrl, key: 'env:KEY' },
  {
    id: 'deepseek',
    type: 'openai-compatible',
    baseUrl,
    quirks: { reasoningFormat: 'thinking', returnsReasoningContent: true, toolLimit: 128 },
  },
  { id: 'gemini', type: 'openai-compatible', baseUrl, quirks: { toolSchema: 'gemini' } },
  { id: 'mistral', type: 'openai-compatible', baseUrl },
  { id: 'responses', type: 'openai', baseUrl, key: 'env:KEY' },
  { id: 'local-responses', type: 'openai-compatible', baseUrl, protocols: ['openai-responses'] },
  { id: 'ollama', type: 'ollama', baseUrl },
];

let upstream: ScriptableUpstream;
let running: RunningEngine;

beforeAll(async () => {
  upstream = await startUpstream();
  running = await runEngine({ providers: providers(upstream.url) }, { env: { KEY: 'sk-test' } });
});
beforeEach(() => upstream.reset());
afterAll(async () => {
  await running.stop();
  await upstream.close();
});

const call = (name: string, input: Json, turn: number): Part => ({
  type: 'tool_use',
  id: `call_${turn}_${name.slice(0, 60)}`,
  name,
  input,
});

const thought = (turn: number): Part => ({ type: 'thinking', text: `Thought ${turn}.`, signature: 'Z0FBQUFB' });
const text = (turn: number): Part => ({ type: 'text', text: `Step ${turn}: grüße 世界 😀` });

/** What the model does in a turn, of its own kind each time. @param longName as the provider was told of it. */
function turnOf(turn: number, longName: string): { step: Step; outcomes: Outcome[]; said: string[] } {
  const wire = { randomChunks: turn + 1, fragment: 5, interleave: true, pings: true, comments: turn % 2 === 0 };
  const content = (...parts: Part[]): Step => answer(parts, { wire });
  const bash = call('Bash', { command: `echo "${turn}" \\ && ls`, timeout: turn }, turn);
  const read = call('Read', { file_path: `/tmp/ü${turn}.png`, limit: null }, turn);
  const list = call('ListMcpResources', {}, turn);
  const long = call(longName, { q: { deep: [turn, null] } }, turn);
  switch (turn % 8) {
    case 0:
      return { step: content(thought(turn), text(turn), bash), outcomes: ['text'], said: [] };
    case 1:
      return {
        step: content(thought(turn), bash, read, list, long),
        outcomes: ['text', 'image', 'empty', 'error'],
        said: ['<system-reminder>\nThe file changed.\n</system-reminder>'],
      };
    case 2:
      return { step: content(read), outcomes: ['image'], said: [] };
    case 3:
      return { step: content(thought(turn), list), outcomes: ['references'], said: ['', 'And now?'] };
    case 4:
      // The user has broken off: no results, and other wishes.
      return { step: content(text(turn), bash, read), outcomes: ['nothing'], said: ['[Request interrupted]', 'Stop.'] };
    case 5:
      return { step: content(thought(turn), text(turn)), outcomes: [], said: ['Go on, please.'] };
    case 6:
      // Cut while it was thinking: the client asks it to go on.
      return {
        step: answer([thought(turn)], { stopReason: 'max_tokens', wire }),
        outcomes: [],
        said: ['Output token limit hit. Resume directly.'],
      };
    default:
      return { step: content(thought(turn), long, text(turn)), outcomes: ['text'], said: [] };
  }
}

async function ask(body: Json): Promise<AnswerMessage> {
  const response = await running.ask(body, { headers: { 'x-claude-code-session-id': 's-1' } });
  const sse = await response.text();
  expect(response.status, sse).toBe(200);
  const events = parseAnthropicSse(sse);
  expect(checkEventGrammar(events)).toEqual([]);
  expect(sse).not.toContain('"openai"');
  return collectMessage(events);
}

const toolNameOf = (body: Json | undefined): string => {
  const tools = (body?.tools ?? []) as Json[];
  const names = tools.map((tool) => String(((tool.function ?? tool) as Json).name));
  return names.find((name) => name.startsWith('mcp__a_server')) ?? LONG_NAME;
};

describe.each(targets)('an agent at work for fifty turns, through $name', ({ model, refusals, keeps }) => {
  it('is never refused, keeps its prompt, and loses no call', { timeout: 60_000 }, async () => {
    const session = new AgentSession(model, 'Build it.');
    let before: Prompt | null = null;
    let longName = LONG_NAME;
    for (let turn = 0; turn < 50; turn += 1) {
      const { step, outcomes, said } = turnOf(turn, longName);
      upstream.queue(turn === 0 ? answer([{ type: 'text', text: 'Hello.' }]) : step);
      const message = await ask(session.body());
      const asked = upstream.asked.at(-1);
      expect(refusals(asked?.json), `turn ${turn}`).toEqual([]);
      const provider = asked?.protocol ?? 'anthropic';
      const prompt = promptOf(asked?.text ?? '');
      if (before !== null)
        expect(brokenPrefix(before, prompt, { provider, toolsGained: false }), `turn ${turn}`).toBeNull();
      before = prompt;
      longName = toolNameOf(asked?.json);
      const parts = turn === 0 ? [] : (step as { content: Part[] }).content;
      const calls = parts.flatMap((part) => (part.type === 'tool_use' ? [part] : []));
      expect(
        message.content.flatMap((block) => (block.type === 'tool_use' ? [[block.name, block.input]] : [])),
      ).toEqual(calls.map(({ name, input }) => [name === longName ? LONG_NAME : name, input]));
      session.take(message, turn === 0 ? [] : outcomes, turn === 0 ? ['Begin.'] : said);
      if (turn % 20 !== 10) continue;
      // Meanwhile a subagent works on its own, with other tools.
      const subagent = new AgentSession(model, 'Look for it.', true);
      upstream.queue(answer([call('Read', { file_path: 'a', limit: 1 }, turn)]), answer([text(turn)]));
      subagent.take(await ask(subagent.body()), ['text'], []);
      await ask(subagent.body());
      expect(upstream.asked.slice(-2).flatMap((request) => refusals(request.json))).toEqual([]);
    }
    upstream.queue(answer([{ type: 'text', text: '<summary>All of it.</summary>' }]));
    const summary = await ask(session.body('CRITICAL: Respond with TEXT ONLY. Write a summary.'));
    expect(refusals(upstream.asked.at(-1)?.json)).toEqual([]);
    expect(summary.content.map((block) => block.type)).toEqual(['text']);
    expect(upstream.asked.at(-1)?.text).toContain(keeps);
  });
});

describe.each(['local/m', 'local-responses/m', 'ollama/m'])('the usage of %s, which counts nothing', (model) => {
  it('is no estimate over the base64 of an image: the client would compact at once', async () => {
    upstream.queue(answer([{ type: 'text', text: 'A pixel.' }], { usage: null }));
    const data = Buffer.alloc(600_000, 7).toString('base64');
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data } };
    const body = { model, max_tokens: 100, stream: true, messages: [{ role: 'user', content: [image] }] };
    const { usage } = await ask(body);
    expect(usage.input_tokens).toBeGreaterThan(100);
    expect(usage.input_tokens).toBeLessThan(3000);
  });
});
