import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { MessagesRequest } from '../../../../src-main/protocols/canonical.ts';
import { type ModelFacts, type Quirks, unknownModel } from '../../../../src-main/protocols/codec.ts';
import { encodeRequest } from '../../../../src-main/protocols/openai-chat/request.ts';
import { encodeTarget } from '../../../helpers/codec-contexts.ts';

interface Fixture {
  about: string;
  /** Where the fact is from. */
  source: string;
  request: MessagesRequest;
  target?: {
    provider?: string;
    model?: string;
    session?: string;
    estimatedInputTokens?: number;
    quirks?: Partial<Quirks>;
    facts?: Partial<ModelFacts>;
    refused?: string[];
  };
  body: Record<string, unknown>;
  warnings?: string[];
  /** Those that are left to be found in the answer. */
  stopSequences?: string[];
  toolNames?: Record<string, string>;
}

const folder = new URL('../../../fixtures/openai-chat/requests/', import.meta.url);
const fixtures = readdirSync(folder).map((file) => {
  const fixture: Fixture = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
  return { name: file.replace(/\.json$/, ''), ...fixture };
});

describe('requests', () => {
  it.each(fixtures)('$name: $about', ({ request, target = {}, body, warnings, stopSequences, toolNames }) => {
    const { facts, refused, ...given } = target;
    const encoded = encodeRequest(
      request,
      encodeTarget({ ...given, facts: { ...unknownModel, ...facts }, refused: new Set(refused) }),
    );
    const json = Buffer.from(encoded.body).toString();
    expect(JSON.parse(json)).toEqual(body);
    // In this order, too: prompt caches live on it.
    expect(json).toBe(JSON.stringify(body));
    expect(encoded.warnings).toEqual(warnings ?? []);
    expect(encoded.stopSequences).toEqual(stopSequences ?? []);
    expect(Object.fromEntries(encoded.toolNames)).toEqual(toolNames ?? {});
  });
});
