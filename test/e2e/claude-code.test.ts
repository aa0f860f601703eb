import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Asked, readAsked } from '../conformance/upstreams.ts';
import { type ClaudeCodeResult, runClaudeCode } from '../helpers/claude-code.ts';
import { requires } from '../helpers/missing-programs.ts';
import { type RecordingHop, startRecordingHop } from '../helpers/recording-hop.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import {
  answer,
  callTools,
  fail,
  inPieces,
  type ScriptableUpstream,
  say,
  startUpstream,
  type UpstreamRequest,
} from '../helpers/scriptable-upstream.ts';

const need = requires('claude-code');

/** A PNG of one colour, made here so that no binary file is needed. */
function png(size: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const body = Buffer.concat([Buffer.from(type), data]);
    const check = Buffer.alloc(4);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const rows = Buffer.concat(
    Array.from({ length: size }, () => Buffer.concat([Buffer.from([0]), Buffer.alloc(size * 3, 0x7f)])),
  );
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** What reached the upstream, whatever its protocol. */
function asked({ protocol, json }: UpstreamRequest): Asked {
  if (protocol === null) throw new Error('that was no question to a model');
  return readAsked[protocol](json);
}

const toolResults = (request: UpstreamRequest): string[] => asked(request).results.map(({ text }) => text);

const wires = {
  chat: (turn: number) => ({ ...inPieces(turn + 1), chunkBytes: 1 }),
  responses: (turn: number) => inPieces(turn + 2),
  ollama: (turn: number) => ({ randomChunks: turn + 5 }),
  claude: (turn: number) => inPieces(turn + 1),
};

describe.skipIf(need.missing)(`the real Claude Code${need.reason}`, () => {
  let upstream: ScriptableUpstream;
  let running: RunningEngine;
  let hop: RecordingHop;
  let folder: string;

  beforeAll(async () => {
    upstream = await startUpstream();
    running = await runEngine(
      {
        providers: [
          { id: 'claude', type: 'anthropic', baseUrl: upstream.url, models: ['claude-opus-5-5'], key: 'env:KEY' },
          { id: 'chat', type: 'openai-compatible', baseUrl: upstream.url, models: ['gpt-local'], key: 'env:KEY' },
          { id: 'openai', type: 'openai', baseUrl: upstream.url, models: ['gpt-6.1-sol'], key: 'env:KEY' },
          { id: 'ollama', type: 'ollama', baseUrl: upstream.url, models: ['local-model'] },
        ],
        aliases: { 'claude-through-alias': 'claude/claude-opus-5-5' },
      },
      { env: { KEY: 'sk-provider-canary-1234567890' } },
    );
    hop = await startRecordingHop(running.url);
    folder = await mkdtemp(path.join(tmpdir(), 'cproxy-claude-project-'));
    await writeFile(path.join(folder, 'square.png'), png(16));
  });
  beforeEach(() => {
    upstream.reset();
    hop.requests.length = 0;
  });
  afterAll(async () => {
    await hop[Symbol.asyncDispose]();
    await running.stop();
    await upstream.close();
    await rm(folder, { recursive: true, force: true });
  });

  const run = (prompt: string, model: string, args: string[] = []): Promise<ClaudeCodeResult> =>
    runClaudeCode({ baseUrl: hop.url, token: running.token, prompt, cwd: folder, args: ['--model', model, ...args] });

  it('gets a text turn from the demo provider', async () => {
    const result = await run('hello', 'demo');
    expect(result.stdout).toContain('Hello from CProxy');
    expect(result.exitCode).toBe(0);
  });

  it('runs the tool that the demo provider asks for', async () => {
    const result = await run('run `echo from-the-$((40+2))`', 'demo', ['--allowedTools', 'Bash(echo *)']);
    expect(result.stdout).toContain('from-the-42');
    expect(result.exitCode).toBe(0);
  });

  describe.each([
    ['translated to Chat Completions, everything in fragments', 'gpt-local', 'chat'],
    ['translated to Responses, everything in fragments', 'gpt-6.1-sol', 'responses'],
    ["translated to Ollama's own API", 'local-model', 'ollama'],
    ['passed through to Anthropic Messages', 'claude-through-alias', 'claude'],
  ] as const)('%s', (_name, model, kind) => {
    const wire = wires[kind];

    it('a Bash tool loop', async () => {
      upstream.script((request, turn) =>
        toolResults(request).length === 0
          ? answer(
              [
                { type: 'thinking', text: 'Let me look. 🤔' },
                { type: 'text', text: 'Looking …' },
                {
                  type: 'tool_use',
                  name: 'Bash',
                  input: { command: 'echo "result-$((6*7)) ä😀"', description: 'Says it' },
                },
              ],
              { wire: wire(turn) },
            )
          : say(`The tool said: ${toolResults(request).join()}`, wire(turn)),
      );
      const result = await run('use the tool', model, ['--allowedTools', 'Bash(echo *)']);
      expect(result.stderr).not.toContain('Error');
      expect(result.stdout).toContain('result-42 ä😀');
      expect(result.exitCode).toBe(0);
      expect(upstream.asked).toHaveLength(2);
    });

    it('two tools in one turn', async () => {
      upstream.script((request, turn) =>
        toolResults(request).length === 0
          ? callTools(
              [
                { name: 'Bash', input: { command: 'echo first-$((1+1))', description: 'One' } },
                { name: 'Bash', input: { command: 'echo second-$((2+2))', description: 'Two' } },
              ],
              wire(turn),
            )
          : say(`Both: ${toolResults(request).join(' and ')}`, wire(turn)),
      );
      const result = await run('use both', model, ['--allowedTools', 'Bash(echo *)']);
      expect(result.stdout).toContain('first-2');
      expect(result.stdout).toContain('second-4');
      expect(result.exitCode).toBe(0);
      expect(upstream.asked).toHaveLength(2);
    });

    it('reads an image', async () => {
      upstream.script((request, turn) =>
        toolResults(request).length === 0
          ? callTools([{ name: 'Read', input: { file_path: path.join(folder, 'square.png') } }], wire(turn))
          : say('I have seen it', wire(turn)),
      );
      const result = await run('look at square.png', model, ['--allowedTools', 'Read']);
      expect(result.stdout).toContain('I have seen it');
      const [, second] = upstream.asked;
      expect(second && asked(second).images[0]).toMatch(/^iVBOR/);
    });
  });

  it('asks for a shorter answer where the model writes fewer tokens, in whatever words it says so', async () => {
    const message = 'Invalid max_tokens value, the valid range of max_tokens is [1, 8192]';
    upstream.queue(fail(400, { type: 'invalid_request_error', message }), say('Short, then.'));
    const result = await run('hello', 'gpt-local');
    expect(result.stdout).toContain('Short, then.');
    expect(upstream.asked.map(({ json }) => Number(json.max_tokens) > 8192)).toEqual([true, false]);
  });

  it('what reaches Anthropic is what Claude Code sent, but for the model, credentials and the connection', async () => {
    upstream.script((request, turn) =>
      toolResults(request).length === 0
        ? callTools([{ name: 'Bash', input: { command: 'echo x', description: 'Says x' } }], inPieces(turn))
        : say('done', inPieces(turn)),
    );
    await run('use the tool', 'claude-through-alias', ['--allowedTools', 'Bash(echo *)']);
    expect(hop.requests).toHaveLength(2);
    const apart = new Set([
      'host',
      'connection',
      'content-length',
      'accept-encoding',
      'authorization',
      'x-api-key',
      'x-cproxy-hops',
    ]);
    const kept = (rawHeaders: readonly string[]): string[] => {
      const lines: string[] = [];
      for (let index = 0; index < rawHeaders.length; index += 2)
        if (!apart.has(rawHeaders[index]?.toLowerCase() ?? ''))
          lines.push(`${rawHeaders[index]?.toLowerCase()}: ${rawHeaders[index + 1]}`);
      return lines;
    };
    for (const [index, sent] of hop.requests.entries()) {
      const received = upstream.asked[index];
      expect(sent.url).toBe('/v1/messages?beta=true');
      expect(received?.url).toBe(sent.url);
      expect(sent.body.toString().split('"claude-through-alias"')).toHaveLength(2);
      expect(received?.text).toBe(sent.body.toString().replace('"claude-through-alias"', '"claude-opus-5-5"'));
      expect(kept(received?.rawHeaders ?? [])).toEqual(kept(sent.rawHeaders));
      expect(received?.headers['x-api-key']).toBe('sk-provider-canary-1234567890');
      expect(received?.rawHeaders.join()).not.toContain(running.token);
    }
  });
});
