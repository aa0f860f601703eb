import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClaudeCodeResult, runClaudeCode, runClaudeCodeCommand } from '../helpers/claude-code.ts';
import { cli } from '../helpers/mcp-stdio.ts';
import { requires } from '../helpers/missing-programs.ts';
import { noBackground } from '../helpers/no-background.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import {
  callTools,
  type ScriptableUpstream,
  say,
  startUpstream,
  type UpstreamRequest,
} from '../helpers/scriptable-upstream.ts';

const need = requires('claude-code');

/** What tools have given, in their order, as text. */
function toolResults({ text }: UpstreamRequest): string[] {
  const { messages } = JSON.parse(text) as { messages: { content: unknown }[] };
  return messages
    .flatMap(({ content }) => (Array.isArray(content) ? (content as { type: string; content?: unknown }[]) : []))
    .filter(({ type }) => type === 'tool_result')
    .map(({ content }) => (typeof content === 'string' ? content : JSON.stringify(content)));
}

/** The real Claude Code, led to CProxy for its models and to CProxy's tools. */
describe.skipIf(need.missing)(`CProxy's tools in the real Claude Code${need.reason}`, () => {
  let home: string;
  let upstream: ScriptableUpstream;
  let other: ScriptableUpstream;
  let running: RunningEngine;

  beforeEach(async () => {
    home = mkdtempSync(path.join(tmpdir(), 'cproxy-claude-mcp-'));
    upstream = await startUpstream();
    other = await startUpstream();
    other.script(() => say('It is four, says the other model.'));
    running = await runEngine({
      providers: [
        { id: 'work', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['claude-sonnet-5-5'] },
        { id: 'other', type: 'openai-compatible', baseUrl: other.url, models: ['second'] },
      ],
    });
    // What there is to explain.
    upstream.queue(say('Hello.'));
    const answer = await running.ask(question('hello', { model: 'claude-sonnet-5-5' }));
    await answer.text();
    const asked = answer.headers.get('x-cproxy-request-id') ?? '';
    // A model that looks the tools up, explains the last request, asks the other model, and says what both gave.
    upstream.script((request) => {
      const results = toolResults(request);
      const [, explained = '', completed = ''] = results;
      if (!request.text.includes('mcp__cproxy__explain_route')) return say('A title');
      if (results.length === 0)
        return callTools([
          { name: 'ToolSearch', input: { query: 'select:mcp__cproxy__explain_route,mcp__cproxy__proxy_completion' } },
        ]);
      if (results.length === 1) return callTools([{ name: 'mcp__cproxy__explain_route', input: { request: asked } }]);
      if (results.length === 2)
        return callTools([
          { name: 'mcp__cproxy__proxy_completion', input: { prompt: 'What is 2 + 2?', model: 'other/second' } },
        ]);
      const went = /work\/claude-sonnet-5-5/.exec(explained)?.[0];
      const said = /It is four, says the other model\./.exec(completed)?.[0];
      return say(`It went to ${went}. Asked: ${said}`);
    });
  });
  afterEach(async () => {
    await running.stop();
    await upstream.close();
    await other.close();
    rmSync(home, { recursive: true, force: true });
  });

  const command = (...args: string[]): Promise<ClaudeCodeResult> =>
    runClaudeCodeCommand({ baseUrl: running.url, token: running.token, home, cwd: path.join(home, 'project'), args });

  async function converse(): Promise<void> {
    const listed = await command('mcp', 'list');
    expect(listed.stdout).toMatch(/^cproxy: .*Connected$/m);
    const { stdout, stderr, exitCode } = await runClaudeCode({
      ...{ baseUrl: running.url, token: running.token, home, cwd: path.join(home, 'project') },
      prompt: 'Why did my last request go where it went? And what does another model say to 2 + 2?',
      args: [
        ...['--model', 'claude-sonnet-5-5'],
        ...['--allowedTools', 'mcp__cproxy__explain_route,mcp__cproxy__proxy_completion'],
      ],
      env: { MCP_TIMEOUT: '30000' },
    });
    expect({ stdout: stdout.trim(), stderr, exitCode }).toEqual({
      stdout: 'It went to work/claude-sonnet-5-5. Asked: It is four, says the other model.',
      stderr: '',
      exitCode: 0,
    });
    expect(other.asked).toHaveLength(1);
  }

  it('explain a route and ask another model, over HTTP', async () => {
    const added = await command(
      ...['mcp', 'add', '--scope', 'user', '--transport', 'http', 'cproxy', `${running.url}/mcp`],
      ...['--header', `Authorization: Bearer ${running.token}`],
    );
    expect(added).toMatchObject({ exitCode: 0 });
    await converse();
  }, 180_000);

  it('explain a route and ask another model, over standard input and output', async () => {
    const environment = { ...noBackground, CPROXY_HOME: running.home };
    const added = await command(
      ...['mcp', 'add', '--scope', 'user', 'cproxy'],
      ...Object.entries(environment).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
      ...['--', process.execPath, cli, 'mcp'],
    );
    expect(added).toMatchObject({ exitCode: 0 });
    await converse();
  }, 180_000);
});
