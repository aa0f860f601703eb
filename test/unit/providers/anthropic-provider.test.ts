import { describe, expect, it } from 'vitest';
import { defaultQuirks } from '../../../src-main/providers/quirks.ts';
import { makeProvider } from '../../helpers/providers.ts';

const quirksOf = (config: Parameters<typeof makeProvider>[0]) => makeProvider(config).quirksFor('claude-opus-5-5');

describe('a server that speaks Anthropic Messages', () => {
  it('takes all of it where it is Anthropic itself', () => {
    const quirks = { takesSystemAnywhere: true, takesPrefill: true, cacheMarks: 'cache_control', searchesWeb: true };
    expect(quirksOf({ type: 'anthropic' })).toEqual({ ...defaultQuirks, ...quirks });
  });

  it('takes the common part and thinking without signatures where it is a compatible one', () => {
    const baseUrl = 'http://upstream.test';
    expect(quirksOf({ type: 'anthropic-compatible', baseUrl })).toEqual({
      ...defaultQuirks,
      takesEmptySignature: true,
    });
  });
});
