import type { Quirks } from '../protocols/codec.ts';

/** What suits an unknown server: what most of them take. */
export const defaultQuirks: Quirks = {
  maxTokensField: 'max_tokens',
  reasoningFormat: 'none',
  returnsReasoningContent: false,
  returnsReasoningDetails: false,
  asksStreamUsage: true,
  takesSystemAnywhere: false,
  takesUserAfterTool: true,
  takesPrefill: false,
  toolSchema: 'full',
  toolIds: 'any',
  toolLimit: null,
  takesNamedTool: true,
  cacheMarks: 'none',
  takesNullContent: true,
  readsMarkup: false,
  takesEmptySignature: false,
  searchesWeb: false,
  isOpenai: false,
};

/** Later layers win over earlier ones, where they say something. */
export function layQuirks(...layers: readonly { [Name in keyof Quirks]?: Quirks[Name] | undefined }[]): Quirks {
  const quirks = { ...defaultQuirks };
  for (const layer of layers) {
    const said = Object.entries(layer).filter(([, value]) => value !== undefined);
    Object.assign(quirks, Object.fromEntries(said));
  }
  return quirks;
}
