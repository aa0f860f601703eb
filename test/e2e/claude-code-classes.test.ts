import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RequestFacts } from '../../src-main/routing/request-facts.ts';
import { runClaudeCode, talkToClaudeCode } from '../helpers/claude-code.ts';
import { requires } from '../helpers/missing-programs.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import {
  callTools,
  type ScriptableUpstream,
  say,
  startUpstream,
  type UpstreamRequest,
} from '../helpers/scriptable-upstream.ts';

const need = requires('claude-code');

const has = ({ text }: UpstreamRequest, words: string): boolean => text.includes(words);

describe.skipIf(need.missing)(`what the real Claude Code asks for${need.reason}`, () => {
  let upstream: ScriptableUpstream;
  let running: RunningEngine;
  const facts: RequestFacts[] = [];

  beforeAll(async () => {
    upstream = await startUpstream();
    running = await runEngine(
      {
        providers: [
          { id: 'claude', type: 'anthropic', baseUrl: upstream.url, models: ['claude-opus-5-5'], key: 'env:KEY' },
        ],
      },
      {
        env: { KEY: 'sk-provider-canary-1234567890' },
        middleware: [
          {
            name: 'facts',
            request: (context, next) => {
              facts.push(context.facts);
              return next();
            },
          },
        ],
      },
    );
  });
  beforeEach(() => {
    upstream.reset();
    facts.length = 0;
  });
  afterAll(async () => {
    await running.stop();
    await upstream.close();
  });

  const classes = () => facts.map((of) => of.class);

  describe.each([
    ['without hints', {}, 'inferred'],
    ['with CLAUDE_CODE_GATEWAY_HINT_HEADERS', { CLAUDE_CODE_GATEWAY_HINT_HEADERS: '1' }, 'header'],
  ] as const)('%s', (_name, env, from) => {
    const program = () => ({ baseUrl: running.url, token: running.token, env });
    const model = ['--model', 'claude-opus-5-5'];
    const sources = () => new Set(facts.map((of) => of.classSource.from));

    it('a turn and its tools', async () => {
      upstream.script((request) =>
        has(request, 'tool_result')
          ? say('done')
          : callTools([{ name: 'Bash', input: { command: 'echo x', description: 'Says x' } }]),
      );
      const cwd = process.cwd();
      await runClaudeCode({ ...program(), cwd, prompt: 'use it', args: [...model, '--allowedTools', 'Bash(echo *)'] });
      expect(classes()).toEqual(['main', 'main']);
      expect(sources()).toEqual(new Set([from]));
      expect(facts.map((of) => of.midTurn)).toEqual([false, true]);
      for (const of of facts)
        expect(of).toMatchObject({ client: 'claude-code', project: cwd, thinking: true, images: false, stream: true });
      expect(facts[1]?.tools).toContain('Bash');
      expect(facts[1]?.session).toBe(facts[0]?.session);
    });

    it('a subagent', async () => {
      upstream.script((request) => {
        if (request.headers['x-claude-code-agent-id'] !== undefined) return say('I have looked');
        return has(request, 'tool_result')
          ? say('done')
          : callTools([
              { name: 'Agent', input: { description: 'look', prompt: 'look', subagent_type: 'general-purpose' } },
            ]);
      });
      await runClaudeCode({ ...program(), prompt: 'use an agent', args: [...model, '--allowedTools', 'Agent'] });
      const [agent, another] = facts.filter((of) => of.class === 'subagent');
      expect(another).toBeUndefined();
      expect(agent?.agent).toMatch(/./);
      expect(agent?.agentType).toBe(from === 'header' ? 'general-purpose' : null);
      expect(new Set(classes())).toEqual(new Set(['main', 'subagent']));
      expect(sources()).toEqual(new Set([from]));
    });

    it('a search in the web', async () => {
      upstream.script((request) => {
        if (has(request, 'web_search_2')) return say('found it');
        return has(request, 'tool_result') ? say('done') : callTools([{ name: 'WebSearch', input: { query: 'news' } }]);
      });
      await runClaudeCode({ ...program(), prompt: 'search', args: [...model, '--allowedTools', 'WebSearch'] });
      expect(classes()).toEqual(['main', 'web-search', 'main']);
      expect(sources()).toEqual(new Set([from]));
    });

    it('a summary of what was said', async () => {
      upstream.script(() => say('<analysis>a</analysis><summary>They said hello.</summary>'));
      await talkToClaudeCode({ ...program(), prompts: ['hello', 'again', '/compact', 'go on'], args: model });
      expect(classes()).toEqual(['main', 'main', 'compaction', 'main']);
      expect(sources()).toEqual(new Set([from]));
    });
  });
});
