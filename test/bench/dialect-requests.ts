import type { ClientProtocol } from '../../src-shared/requests.ts';
import type { ClientRequest } from './subjects/subject.ts';
import { type Delivery, messagesRequest } from './workload.ts';

/** The measured request in each dialect that clients speak: the same conversation and tools. */

interface Block {
  type: string;
  text?: string;
  id?: string;
  name?: string;
  input?: unknown;
  tool_use_id?: string;
  content?: string;
}
interface Measured {
  system: Block[];
  messages: { role: string; content: Block[] }[];
  tools: { name: string; description: string; input_schema: object }[];
}

const textOf = (blocks: readonly Block[]): string => blocks.flatMap(({ text }) => text ?? []).join('\n\n');

function chatMessages({ system, messages }: Measured): object[] {
  const converted: object[] = [{ role: 'system', content: textOf(system) }];
  for (const { role, content } of messages) {
    const calls = content.filter(({ type }) => type === 'tool_use');
    for (const { tool_use_id, content: result } of content.filter(({ type }) => type === 'tool_result'))
      converted.push({ role: 'tool', tool_call_id: tool_use_id, content: result });
    const text = textOf(content);
    if (calls.length > 0)
      converted.push({
        role,
        content: text,
        tool_calls: calls.map(({ id, name, input }) => ({
          id,
          type: 'function',
          function: { name, arguments: JSON.stringify(input) },
        })),
      });
    else if (text !== '') converted.push({ role, content: text });
  }
  return converted;
}

function responsesInput({ messages }: Measured): object[] {
  return messages.flatMap(({ role, content }) =>
    content.map((block) => {
      switch (block.type) {
        case 'tool_use':
          return {
            type: 'function_call',
            call_id: block.id,
            name: block.name,
            arguments: JSON.stringify(block.input),
          };
        case 'tool_result':
          return { type: 'function_call_output', call_id: block.tool_use_id, output: block.content };
        default:
          return {
            type: 'message',
            role,
            content: [{ type: role === 'assistant' ? 'output_text' : 'input_text', text: block.text }],
          };
      }
    }),
  );
}

/** JSON of about 60 kB. */
export function dialectRequest(protocol: ClientProtocol, model: string, stream: boolean, delivery: Delivery): string {
  const text = messagesRequest(model, stream, delivery);
  if (protocol === 'anthropic') return text;
  const measured = JSON.parse(text) as Measured;
  const tools = measured.tools.map(({ name, description, input_schema: parameters }) => ({
    name,
    description,
    parameters,
  }));
  if (protocol === 'openai-chat')
    return JSON.stringify({
      model,
      messages: chatMessages(measured),
      tools: tools.map((definition) => ({ type: 'function', function: definition })),
      stream,
      ...(stream ? { stream_options: { include_usage: true } } : {}),
    });
  return JSON.stringify({
    model,
    instructions: textOf(measured.system),
    input: responsesInput(measured),
    tools: tools.map((definition) => ({ type: 'function', strict: false, ...definition })),
    store: false,
    stream,
  });
}

/** A request of at least so many bytes: the turns of the measured one again and again, each with ids and texts of its own. */
export function longRequest(protocol: ClientProtocol, model: string, minBytes: number): Buffer {
  const body = JSON.parse(dialectRequest(protocol, model, true, 'burst')) as Record<string, unknown>;
  const list = protocol === 'openai-responses' ? 'input' : 'messages';
  const turns = body[list] as object[];
  const all: object[] = [];
  for (let round = 0, bytes = 0; bytes < minBytes; round += 1) {
    // No system message in the middle of a later round: some vendors have rules for where one may stand.
    const text = JSON.stringify(
      round === 0 ? turns : turns.filter((turn) => !('role' in turn && turn.role === 'system')),
    )
      .replaceAll('toolu_bench', `toolu_${round}_`)
      .replaceAll('module-', `module-${round}-`);
    all.push(...(JSON.parse(text) as object[]));
    bytes += text.length;
  }
  return Buffer.from(JSON.stringify({ ...body, [list]: all }));
}

export const doors: Record<ClientProtocol, string> = {
  anthropic: '/v1/messages?beta=true',
  'openai-chat': '/v1/chat/completions',
  'openai-responses': '/v1/responses',
};

/** The same subject, asked through another door. */
export const throughDoor = (request: ClientRequest, protocol: ClientProtocol, model: string): ClientRequest => ({
  ...request,
  path: doors[protocol],
  model,
});

/** What a whole stream of a dialect must hold. */
export const streamEnds: Record<ClientProtocol, string> = {
  anthropic: 'event: message_stop',
  'openai-chat': 'data: [DONE]',
  'openai-responses': 'event: response.completed',
};
