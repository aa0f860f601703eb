import { readdirSync, readFileSync } from 'node:fs';
import type { AnswerMessage, StreamEvent } from '../../../../src-main/protocols/canonical.ts';
import { openaiResponsesClientCodec } from '../../../../src-main/protocols/openai-responses/client-codec.ts';

const folder = new URL('../../../fixtures/openai-responses-client/', import.meta.url);

type Json = Record<string, unknown>;

export const readText = (name: string): string => readFileSync(new URL(name, folder), 'utf8').replaceAll('\r\n', '\n');

const readAll = <Fixture>(kind: string): (Fixture & { name: string })[] =>
  readdirSync(new URL(`${kind}/`, folder)).map((file) => ({
    name: file.replace(/\.json$/, ''),
    ...(JSON.parse(readText(`${kind}/${file}`)) as Fixture),
  }));

/** A request of a client, and what it is canonically. */
export const requestFixtures = readAll<{ about: string; request: Json; canonical: Json }>('requests');

/** An answer to a request, and what the client gets to see of it. */
export const answerFixtures = readAll<{ about: string; request: Json; message: AnswerMessage; response: Json }>(
  'answers',
);

/** A stream with a ping in it, and what the client gets of it, with all times 0. */
export const streamFixture = {
  events: JSON.parse(readText('stream.json')) as StreamEvent[],
  request: {
    model: 'm',
    input: 'kept by nobody',
    instructions: 'Be brief.',
    temperature: 0.5,
    tools: [{ type: 'function', name: 'shell', parameters: {} }],
  },
  text: readText('stream.sse'),
};

export const withoutTimes = (text: string): string => text.replace(/"(created_at|completed_at)":\d+/g, '"$1":0');

/** The stream that a client gets. */
export function encodeEvents(events: Iterable<StreamEvent>, request: Json = {}): string {
  const encoder = openaiResponsesClientCodec.answerEncoder(() => request).createStream();
  let text = '';
  for (const event of events) text += encoder.encode(event);
  return text;
}

/** The answer that a client gets that asked for no stream. */
export const encodeWhole = (message: AnswerMessage, request: Json = {}): Json =>
  JSON.parse(openaiResponsesClientCodec.answerEncoder(() => request).encodeAnswer(message)) as Json;
