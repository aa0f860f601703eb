import { describe, expect, it, onTestFinished } from 'vitest';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { say, startUpstream } from '../helpers/scriptable-upstream.ts';

interface Listed {
  id: string;
  display_name: string;
  description?: string;
}

const list = async (running: RunningEngine, headers: Record<string, string>): Promise<Listed[]> => {
  const answer = await fetch(`${running.url}/v1/models?limit=1000`, {
    headers: { authorization: `Bearer ${running.token}`, ...headers },
  });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { data: Listed[] }).data;
};
const asClaudeCode = { 'user-agent': 'claude-code/2.1.330', 'anthropic-version': '2023-06-01' };

describe("Claude Code's list of models", () => {
  it('has every model under a name that it takes, in plain words, and each of them is routed', async () => {
    const upstream = await startUpstream();
    onTestFinished(() => upstream.close());
    await using running = await runEngine({
      providers: [
        {
          ...{ id: 'local', type: 'openai-compatible', baseUrl: upstream.url },
          models: ['qwen3', { id: 'big/kimi-k3', contextWindow: 262_144 }, 'claude:odd'],
        },
      ],
      aliases: { fast: 'local/qwen3', 'claude-work': 'local/qwen3', odd: 'local/qwen3' },
    });
    upstream.script(() => say('hello'));
    const listed = await list(running, asClaudeCode);
    expect(listed.map(({ id, display_name, description }) => [id, display_name, description])).toEqual([
      ['claude:fast', 'fast', expect.stringContaining('alias in CProxy')],
      ['claude-work', 'claude-work', expect.stringContaining('alias in CProxy')],
      ['claude:local/qwen3', 'qwen3 (local)', expect.stringContaining('local/qwen3')],
      ['claude:local/big/kimi-k3', 'big/kimi-k3 (local)', 'local/big/kimi-k3, reads 262k tokens'],
      ['claude:local/claude:odd', 'claude:odd (local)', 'local/claude:odd'],
    ]);
    // The alias 'odd' would be 'claude:odd' there, which is a model's real name.
    for (const { id } of listed) {
      expect(id).toMatch(/^(claude|anthropic)/i);
      const answer = await running.ask(question('hi', { model: id }));
      expect([id, answer.status]).toEqual([id, 200]);
      await answer.arrayBuffer();
    }
    const asked = upstream.asked.map(({ text }) => (JSON.parse(text) as { model: string }).model);
    expect(asked).toEqual(['qwen3', 'qwen3', 'qwen3', 'big/kimi-k3', 'claude:odd']);
    const one = await fetch(`${running.url}/v1/models/claude:local/big/kimi-k3`, {
      headers: { authorization: `Bearer ${running.token}`, ...asClaudeCode },
    });
    expect(await one.json()).toMatchObject({ id: 'claude:local/big/kimi-k3', display_name: 'big/kimi-k3 (local)' });
  });

  it('is for Claude Code alone: others get the names as they are', async () => {
    await using running = await runEngine({ aliases: { fast: 'demo/demo' } });
    for (const headers of [{ 'anthropic-version': '2023-06-01' }, { 'user-agent': 'OpenAI/JS 6' }])
      expect((await list(running, headers)).map(({ id }) => id)).toEqual(['fast', 'demo/demo']);
    const [first] = await list(running, { 'anthropic-version': '2023-06-01' });
    expect(first).not.toHaveProperty('description');
  });
});
