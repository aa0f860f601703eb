import { Agent, request } from 'undici';
import { cproxyModels } from './subjects/cproxy.ts';
import { type Delivery, messagesRequest, plainText, streamChunks } from './workload.ts';

/** What the soak asks of CProxy, each with the outcome that it must have. */

export interface SoakTarget {
  port: number;
  token: string;
}

export interface SoakAction {
  name: string;
  /** How often it comes up, relative to the others. */
  weight: number;
  /** Resolves with null when the outcome was right, else with what was wrong. */
  run(target: SoakTarget): Promise<string | null>;
}

const agent = new Agent({ connections: 64 });

interface Ask {
  body: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

const ask = ({ port, token }: SoakTarget, { body, headers, signal }: Ask) =>
  request(`http://127.0.0.1:${port}/v1/messages?beta=true`, {
    dispatcher: agent,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'anthropic-version': '2023-06-01',
      authorization: `Bearer ${token}`,
      ...headers,
    },
    body,
    ...(signal === undefined ? {} : { signal }),
  });

const bodies = new Map<string, string>();
/** The request of the bench; made once, since making it costs more than answering it. */
function bodyFor(model: string, stream: boolean, delivery: Delivery = 'burst'): string {
  const name = `${model} ${stream} ${delivery}`;
  const body = bodies.get(name) ?? messagesRequest(model, stream, delivery);
  bodies.set(name, body);
  return body;
}

const wrong = (status: number, text: string): string => `HTTP ${status}: ${text.slice(0, 200)} … ${text.slice(-200)}`;

const plain = (name: string, model: string, weight: number): SoakAction => ({
  name,
  weight,
  async run(target) {
    const { statusCode, body } = await ask(target, { body: bodyFor(model, false) });
    const text = await body.text();
    return statusCode === 200 && text.includes(plainText) ? null : wrong(statusCode, text);
  },
});

const stream = (name: string, model: string, weight: number, delivery: Delivery): SoakAction => ({
  name,
  weight,
  async run(target) {
    const { statusCode, body } = await ask(target, { body: bodyFor(model, true, delivery) });
    const text = await body.text();
    const words = text.match(/word-\d+ /g)?.length ?? 0;
    return statusCode === 200 && words === streamChunks && text.includes('event: message_stop')
      ? null
      : wrong(statusCode, text);
  },
});

/** The client leaves: before the answer (0 bytes) or in its middle. */
const abort = (name: string, model: string, weight: number, afterBytes: number): SoakAction => ({
  name,
  weight,
  async run(target) {
    const controller = new AbortController();
    const leave = setTimeout(() => controller.abort(), 2);
    try {
      if (afterBytes > 0) clearTimeout(leave);
      const { body } = await ask(target, { body: bodyFor(model, true, 'paced'), signal: controller.signal });
      let seen = 0;
      for await (const chunk of body) {
        seen += chunk.length;
        if (seen > afterBytes) controller.abort();
      }
      return 'the stream went on to its end although the client had left';
    } catch (error) {
      return controller.signal.aborted ? null : String(error);
    } finally {
      clearTimeout(leave);
    }
  },
});

const refused = (name: string, weight: number, status: number, asking: Ask): SoakAction => ({
  name,
  weight,
  async run(target) {
    const { statusCode, body } = await ask(target, asking);
    const text = await body.text();
    return statusCode === status && text.startsWith('{"type":"error"')
      ? null
      : `expected HTTP ${status}, got ${wrong(statusCode, text)}`;
  },
});

const { translated, failover } = cproxyModels;
const passed = cproxyModels['pass-through'];

export const soakActions: readonly SoakAction[] = [
  plain('plain, passed through', passed, 20),
  plain('plain, translated', translated, 20),
  stream('stream, passed through', passed, 10, 'burst'),
  stream('stream, translated', translated, 10, 'burst'),
  stream('paced stream, passed through', passed, 4, 'paced'),
  stream('paced stream, translated', translated, 4, 'paced'),
  plain('plain, first target failing', failover, 8),
  stream('stream, first target failing', failover, 4, 'burst'),
  abort('client leaves before the answer', translated, 3, 0),
  abort('client leaves in a stream, passed through', passed, 4, 2_000),
  abort('client leaves in a stream, translated', translated, 4, 2_000),
  {
    name: 'upstream cuts the stream',
    weight: 3,
    async run(target) {
      const { statusCode, body } = await ask(target, { body: bodyFor('cutting/model', true) });
      const text = await body.text();
      const told = text.includes('event: error') && !text.includes('message_stop');
      return statusCode === 200 && told ? null : wrong(statusCode, text);
    },
  },
  {
    name: 'upstream answers 500, no other target',
    weight: 3,
    async run(target) {
      const { statusCode, body } = await ask(target, { body: bodyFor('broken/gone', false) });
      const text = await body.text();
      return statusCode >= 500 && text.startsWith('{"type":"error"') ? null : wrong(statusCode, text);
    },
  },
  refused('malformed JSON', 1, 400, { body: `${bodyFor(passed, false).slice(0, -5)}` }),
  refused('unknown model', 1, 404, { body: bodyFor('no-such-model', false) }),
  refused('wrong token', 1, 401, { body: bodyFor(passed, false), headers: { authorization: 'Bearer wrong' } }),
  refused('foreign Host', 1, 403, { body: bodyFor(passed, false), headers: { host: 'evil.example' } }),
];
