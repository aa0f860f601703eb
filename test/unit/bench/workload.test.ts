import { describe, expect, it } from 'vitest';
import {
  anthropicAnswer,
  chatAnswer,
  chunkText,
  deliveryMark,
  messagesRequest,
  plainText,
  requestBytes,
  stampDigits,
  stampMark,
  streamChunks,
} from '../../bench/workload.ts';

describe('the measured request', () => {
  it.each([true, false])('has its exact size and 18 tools (stream %s)', (stream) => {
    const text = messagesRequest('some-model', stream, 'paced');
    expect(Buffer.byteLength(text)).toBe(requestBytes);
    expect(JSON.parse(text)).toMatchObject({ model: 'some-model', stream, tools: { length: 18 } });
    expect(text).toContain(deliveryMark('paced'));
  });

  it('answers every tool call in the message that follows', () => {
    const { messages } = JSON.parse(messagesRequest('m', false, 'burst')) as {
      messages: { content: { type: string; id?: string; tool_use_id?: string }[] }[];
    };
    const calls = messages.flatMap((message, index) =>
      message.content.filter((block) => block.type === 'tool_use').map((block) => ({ id: block.id, index })),
    );
    expect(calls.length).toBeGreaterThan(2);
    for (const { id, index } of calls) expect(messages[index + 1]?.content[0]?.tool_use_id).toBe(id);
  });
});

describe('the answers', () => {
  it.each([
    ['Anthropic', anthropicAnswer],
    ['Chat Completions', chatAnswer],
  ])('say the same in %s', (_name, answer) => {
    expect(answer.plain).toContain(plainText);
    expect(answer.stream.chunks).toHaveLength(streamChunks);
    const texts = answer.stream.chunks.map((chunk) => /"(@@[^"]*)"/.exec(chunk)?.[1]);
    expect(texts).toEqual(answer.stream.chunks.map((_, index) => chunkText(index)));
  });

  it('leave room for a stamp in each chunk', () => {
    expect(chunkText(0)).toMatch(new RegExp(`^${stampMark}0{${stampDigits}} `));
  });
});
