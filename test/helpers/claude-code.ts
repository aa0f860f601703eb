import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { isLoopbackHost } from '../../src-shared/config.ts';
import { runCommand } from './run-command.ts';
import { testCacheFolder } from './test-cache.ts';

/** The real Claude Code, run without a terminal against a base URL on this machine. */

const version = '2.1.330';
const platformPackage = `@anthropic-ai/claude-code-${process.platform}-${process.arch}`;
const folder = testCacheFolder('claude-code');

/** Its program, where this version is installed. Tests only look; installing is for scripts/install-test-programs.mjs. */
export function findClaudeCode(): string | null {
  const home = path.join(folder, 'node_modules', platformPackage);
  const program = path.join(home, process.platform === 'win32' ? 'claude.exe' : 'claude');
  if (!existsSync(program)) return null;
  const manifest = JSON.parse(readFileSync(path.join(home, 'package.json'), 'utf8')) as { version: string };
  return manifest.version === version ? program : null;
}

/**
 * Installs it into the user's cache folder. The program is a native binary in a package of its own for each platform, so
 * no install script is needed. npm throws where it cannot be had.
 */
export function installClaudeCode(): void {
  if (findClaudeCode() !== null) return;
  mkdirSync(folder, { recursive: true });
  if (!existsSync(path.join(folder, 'package.json')))
    writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  const flags = ['--save-exact', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  runCommand('npm', ['install', ...flags, `@anthropic-ai/claude-code@${version}`], folder);
  if (findClaudeCode() === null) throw new Error(`npm installed no ${platformPackage}`);
}

interface ClaudeCodeCommon {
  /** Must be on this machine: nothing may leave it. */
  baseUrl: string;
  token: string;
  /** How the token is sent: `Authorization: Bearer` (default) or `x-api-key`. */
  auth?: 'bearer' | 'key';
  /** More of its flags, such as `['--model', 'demo/demo', '--allowedTools', 'Bash']`. */
  args?: readonly string[];
  /** Default: a fresh folder, removed afterwards. */
  cwd?: string;
  /** Default: a fresh folder, removed afterwards. */
  home?: string;
  env?: Readonly<Record<string, string>>;
  /** Default 60 s; then it is ended, and `timedOut` is true. */
  timeoutMs?: number;
}

export interface ClaudeCodeRun extends ClaudeCodeCommon {
  prompt: string;
}

export interface ClaudeCodeTalk extends ClaudeCodeCommon {
  /** Each is given when the one before has been answered. */
  prompts: readonly string[];
}

export interface ClaudeCodeResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

/** One line of its `stream-json` output. */
export interface ClaudeCodeEvent {
  readonly type: string;
  /** `init`, `api_retry`, `compact_boundary` … of `system`; `success` and errors of `result`. */
  readonly subtype?: string;
  readonly [field: string]: unknown;
}

export interface ClaudeCodeTalkResult extends ClaudeCodeResult {
  readonly events: readonly ClaudeCodeEvent[];
  /** What each prompt was answered with in the end. */
  readonly answers: readonly string[];
}

/** One headless prompt in a clean home, with the switches that keep it from talking to anything but `baseUrl`. */
export function runClaudeCode(run: ClaudeCodeRun): Promise<ClaudeCodeResult> {
  return withProgram(run, ['-p', run.prompt], (child) => child.stdin?.end());
}

/** One of its commands, such as `mcp add`, in a home where conversations are held later. */
export function runClaudeCodeCommand(
  run: ClaudeCodeCommon & Required<Pick<ClaudeCodeCommon, 'home' | 'cwd' | 'args'>>,
): Promise<ClaudeCodeResult> {
  return withProgram(run, [], (child) => child.stdin?.end());
}

/** Several prompts in one headless session, as `runClaudeCode` runs one. */
export async function talkToClaudeCode(talk: ClaudeCodeTalk): Promise<ClaudeCodeTalkResult> {
  const events: ClaudeCodeEvent[] = [];
  const answers: string[] = [];
  const flags = ['-p', '--input-format', 'stream-json', '--output-format', 'stream-json', '--verbose'];
  const result = await withProgram(talk, flags, ({ stdin, stdout }) => {
    if (stdin === null || stdout === null) throw new Error('Claude Code was started without pipes');
    const prompts = [...talk.prompts];
    const giveNext = (): void => {
      const content = prompts.shift();
      if (content === undefined) stdin.end();
      else stdin.write(`${JSON.stringify({ type: 'user', message: { role: 'user', content } })}\n`);
    };
    // It may have ended before it was told everything; its exit code says so.
    stdin.on('error', () => undefined);
    createInterface({ input: stdout }).on('line', (line) => {
      if (line.trim() === '') return;
      const event = JSON.parse(line) as ClaudeCodeEvent;
      events.push(event);
      if (event.type !== 'result') return;
      answers.push(String(event.result ?? event.subtype));
      giveNext();
    });
    giveNext();
  });
  return { ...result, events, answers };
}

async function withProgram(
  run: ClaudeCodeCommon,
  flags: readonly string[],
  feed: (child: ChildProcess) => void,
): Promise<ClaudeCodeResult> {
  const program = findClaudeCode();
  if (program === null) throw new Error(`Claude Code ${version} is not installed`);
  if (!isLoopbackHost(new URL(run.baseUrl).hostname)) throw new Error(`${run.baseUrl} is not on this machine`);

  const scratch = await mkdtemp(path.join(tmpdir(), 'cproxy-claude-'));
  const home = run.home ?? path.join(scratch, 'home');
  const cwd = run.cwd ?? path.join(scratch, 'project');
  const temporary = path.join(scratch, 'tmp');
  await Promise.all([home, cwd, temporary].map((each) => mkdir(each, { recursive: true })));
  try {
    const child = spawn(program, [...flags, ...(run.args ?? [])], {
      cwd,
      stdio: ['pipe', 'pipe', 'pipe'],
      // Nothing of our own environment: a key or a base URL of the person who runs the tests must not get in.
      env: {
        PATH: '/usr/local/bin:/usr/bin:/bin',
        HOME: home,
        TERM: 'xterm',
        LANG: 'C.UTF-8',
        SHELL: '/bin/bash',
        ANTHROPIC_BASE_URL: run.baseUrl,
        [run.auth === 'key' ? 'ANTHROPIC_API_KEY' : 'ANTHROPIC_AUTH_TOKEN']: run.token,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        DISABLE_TELEMETRY: '1',
        DISABLE_ERROR_REPORTING: '1',
        DISABLE_AUTOUPDATER: '1',
        CLAUDE_CODE_TMPDIR: temporary,
        NO_PROXY: '127.0.0.1,localhost',
        // Lets it run as root, as in containers.
        IS_SANDBOX: '1',
        ...run.env,
      },
    });
    const result = collect(child, run.timeoutMs ?? 60_000);
    feed(child);
    return await result;
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function collect(child: ChildProcess, limitMs: number): Promise<ClaudeCodeResult> {
  let stdout = '';
  let stderr = '';
  let timedOut = false;
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const limit = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, limitMs);
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    return { exitCode, stdout, stderr, timedOut };
  } finally {
    clearTimeout(limit);
  }
}
