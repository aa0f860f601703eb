import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeRequest } from '../../../../src-main/protocols/anthropic/provider-request.ts';
import type { MessagesRequest } from '../../../../src-main/protocols/canonical.ts';
import type { EncodeTarget, Quirks } from '../../../../src-main/protocols/codec.ts';
import { encodeTarget } from '../../../helpers/codec-contexts.ts';
import { refusals } from '../../../helpers/strict-anthropic.ts';

interface Fixture {
  about: string;
  source: string;
  /** Canonical. */
  request: MessagesRequest;
  target: Partial<Omit<EncodeTarget, 'refused' | 'quirks'>> & { refused?: string[]; quirks?: Partial<Quirks> };
  body: Record<string, unknown>;
  /** Where there are others than the version. */
  headers?: string[];
  warnings?: string[];
  toolNames?: Record<string, string>;
}

const folder = new URL('../../../fixtures/anthropic/requests/', import.meta.url);
const fixtures = readdirSync(folder).map((file): [string, Fixture] => [
  file.replace(/\.json$/, ''),
  JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Fixture,
]);

const encode = ({ request, target }: Pick<Fixture, 'request' | 'target'>) =>
  encodeRequest(request, encodeTarget({ ...target, refused: new Set(target.refused) }));

describe.each(fixtures)('%s', (_name, fixture) => {
  it(fixture.about, () => {
    const encoded = encode(fixture);
    // As text: the order of the fields is a part of what prompt caches live on.
    expect(Buffer.from(encoded.body).toString()).toBe(JSON.stringify(fixture.body));
    expect(encoded.headers).toEqual(fixture.headers ?? ['anthropic-version', '2023-06-01']);
    expect(encoded.warnings).toEqual(fixture.warnings ?? []);
    expect(Object.fromEntries(encoded.toolNames)).toEqual(fixture.toolNames ?? {});
  });

  it('is taken by the API', () => {
    const headers = { 'anthropic-version': '2023-06-01', 'anthropic-beta': fixture.headers?.[3] ?? '' };
    const takesEmptySignature = fixture.target.quirks?.takesEmptySignature === true;
    expect(refusals(fixture.body, { headers, takesEmptySignature })).toEqual([]);
  });
});

describe('tools', () => {
  const hello: MessagesRequest['messages'] = [{ role: 'user', content: 'Hi' }];
  const official = { searchesWeb: true };

  it('that all run elsewhere make the request one for another provider', () => {
    const shell = { name: 'shell', type: 'openai_builtin', openai: { builtin: { type: 'local_shell' } } };
    const request = { model: 'm', messages: hello, tools: [shell] };
    expect(() => encode({ request, target: { quirks: official } })).toThrow('shell');
  });

  it("of Anthropic's own go as they are where they run, and as functions elsewhere", () => {
    const request = { model: 'm', messages: hello, tools: [{ name: 'bash', type: 'bash_20250124' }] };
    const toolsFor = (quirks: Partial<Quirks>) =>
      JSON.parse(Buffer.from(encode({ request, target: { quirks } }).body).toString()).tools;
    expect(toolsFor(official)).toEqual([{ name: 'bash', type: 'bash_20250124' }]);
    expect(toolsFor({})).toMatchObject([{ name: 'bash', input_schema: { properties: { command: {} } } }]);
  });

  it('are translated once for each kind of server while they are the same list', () => {
    const list = Object.freeze([
      Object.freeze({ name: 'a b', input_schema: {}, cache_control: Object.freeze({ type: 'ephemeral' as const }) }),
      Object.freeze({ name: 'a b', input_schema: {} }),
    ]);
    const request = { model: 'm', messages: hello, tools: list as unknown as NonNullable<MessagesRequest['tools']> };
    const sent = (cacheMarks: Quirks['cacheMarks']) => {
      const { body, warnings } = encode({ request, target: { model: 'claude-opus-4-8', quirks: { cacheMarks } } });
      return { tools: JSON.parse(Buffer.from(body).toString()).tools as unknown[], warnings };
    };
    const marked = sent('cache_control');
    expect(marked.tools).toHaveLength(1);
    expect(marked.tools[0]).toHaveProperty('cache_control');
    expect(marked.warnings).toEqual(["Two tools are named 'a b'; the first was sent."]);
    expect(sent('none').tools[0]).not.toHaveProperty('cache_control');
    expect(sent('cache_control')).toEqual(marked);
  });
});
