import { setTimeout as sleep } from 'node:timers/promises';
import { readMessage } from './answers.ts';
import { agentTools, question } from './running-engine.ts';
import { callTools, type Script, say } from './scriptable-upstream.ts';

/** What upstreams answer, so that a client can tell whether it was given all of it, and its own. */
const wordsFor = (id: string): string =>
  Array.from({ length: 12 }, (_, index) => `${id} word ${index}, äöü.`).join(' ');
const inputFor = (id: string): Record<string, unknown> => ({ command: `echo ${wordsFor(id)}` });

/**
 * Of upstreams: answers each question of a steady client in pieces, and refuses keys that it does not know.
 * @param delayMs between two of them
 */
export function steadyScript(keys: readonly string[], delayMs: number): Script {
  const known = keys.map((key) => `Bearer ${key}`);
  return ({ headers, text }) => {
    const key = headers.authorization ?? `Bearer ${headers['x-api-key']}`;
    if (!known.includes(key)) return { kind: 'error', status: 401, message: `No such key: ${key}` };
    const id = /steady-[a-z]+-\d+/.exec(text)?.[0] ?? 'nobody';
    const wire = { fragment: 40, delayMs };
    return id.includes('tools') ? callTools([{ name: 'Bash', input: inputFor(id) }], wire) : say(wordsFor(id), wire);
  };
}

export interface SteadyClients extends AsyncDisposable {
  /** Answered whole and right. */
  readonly answered: number;
  /** How often nobody listened any more where they asked, so that nothing was sent, and they asked elsewhere. */
  readonly moved: number;
  /** What went wrong, one line each. */
  readonly failures: readonly string[];
  /** Lets all answers come, and asks no more. */
  stop(): Promise<void>;
}

const kinds = ['text', 'tools'] as const;

/** Clients that ask the model `steady` one thing after the other, streamed and whole, in text and tools, all at once. */
export function startSteadyClients(
  count: number,
  { token, where }: { token: string; where: () => Promise<string> },
): SteadyClients {
  const state = { answered: 0, moved: 0, failures: [] as string[] };
  let isOver = false;
  let asked = 0;

  const askOnce = async (url: string): Promise<void> => {
    const kind = kinds[asked % 2] ?? 'text';
    const id = `steady-${kind}-${asked}`;
    const stream = asked % 4 < 2;
    asked += 1;
    const body = question(id, { model: 'steady', stream, tools: agentTools });
    const response = await fetch(`${url}/v1/messages`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'anthropic-version': '2023-06-01',
        authorization: `Bearer ${token}`,
      },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${id}: ${response.status} ${await response.text()}`);
    const { content } = await readMessage(response);
    const [block] = content;
    const got = block?.type === 'tool_use' ? JSON.stringify(block.input) : block?.type === 'text' ? block.text : '';
    if (content.length !== 1 || got !== (kind === 'tools' ? JSON.stringify(inputFor(id)) : wordsFor(id)))
      throw new Error(`${id}: not what was answered: ${JSON.stringify(content).slice(0, 300)}`);
    const attempts = response.headers.get('x-cproxy-attempts');
    if (attempts !== null && attempts !== '1') throw new Error(`${id}: took ${attempts} attempts`);
  };

  const work = async (): Promise<void> => {
    let url: string | null = null;
    while (!isOver) {
      try {
        url ??= await where();
        await askOnce(url);
        state.answered += 1;
      } catch (error) {
        if (wasRefused(error)) {
          state.moved += 1;
          await sleep(5);
          url = null;
        } else state.failures.push(`${String(error)} ${(error as Error).cause ?? ''}`);
      }
    }
  };
  const working = Promise.all(Array.from({ length: count }, work));
  const stop = async (): Promise<void> => {
    isOver = true;
    await working;
  };
  return {
    get answered() {
      return state.answered;
    },
    get moved() {
      return state.moved;
    },
    get failures() {
      return state.failures;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Whether there was no connection to send anything by. */
function wasRefused(error: unknown): boolean {
  const { cause } = error as { cause?: { syscall?: string } };
  return cause?.syscall === 'connect';
}
