import { describe, expect, it } from 'vitest';
import type { MessagesRequest } from '../../../src-main/protocols/canonical.ts';
import type { EncodeTarget } from '../../../src-main/protocols/codec.ts';
import { openaiChatCodec } from '../../../src-main/protocols/openai-chat/codec.ts';
import { openaiResponsesCodec } from '../../../src-main/protocols/openai-responses/codec.ts';
import { encodeTarget } from '../../helpers/codec-contexts.ts';

describe.each([openaiChatCodec, openaiResponsesCodec])('a request in $protocol', (codec) => {
  const bodyOf = (request: Partial<MessagesRequest>, target: EncodeTarget): Record<string, unknown> => {
    const { body } = codec.encodeRequest(
      { model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...request },
      target,
    );
    return JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>;
  };
  const openai = encodeTarget({ quirks: { isOpenai: true } });

  it("names the conversation as Claude Code's user id does, where no header names it", () => {
    const metadata = { user_id: JSON.stringify({ device_id: 'd', session_id: 's1' }) };
    expect(bodyOf({ metadata }, openai)).toMatchObject({ prompt_cache_key: 's1' });
    expect(bodyOf({ metadata }, { ...openai, session: 'header' })).toMatchObject({ prompt_cache_key: 'header' });
    expect(bodyOf({ metadata: { user_id: '{' } }, openai)).not.toHaveProperty('prompt_cache_key');
  });

  it('is as quick as was asked for', () => {
    expect(bodyOf({ speed: 'fast' }, openai)).toMatchObject({ service_tier: 'priority' });
    expect(bodyOf({ service_tier: 'standard_only' }, openai)).toMatchObject({ service_tier: 'default' });
    expect(bodyOf({ speed: 'fast' }, encodeTarget())).not.toHaveProperty('service_tier');
  });

  it('asks for an answer in a schema that the server takes, whoever wrote it', () => {
    const schema = { type: 'object', properties: { a: { type: 'string', pattern: '\\d' } } };
    const target = encodeTarget({ quirks: { toolSchema: 'grammar' } });
    const asked: Partial<MessagesRequest>[] = [
      { output_config: { format: { type: 'json_schema', schema } } },
      { openai: { format: { type: 'json_schema', name: 'n', schema } } },
    ];
    for (const request of asked) expect(JSON.stringify(bodyOf(request, target))).not.toContain('pattern');
  });
});
