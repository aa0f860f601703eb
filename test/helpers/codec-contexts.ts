import type { StreamEvent } from '../../src-main/protocols/canonical.ts';
import {
  type DecodeContext,
  type EncodeTarget,
  type Quirks,
  type StreamDecoder,
  unknownModel,
} from '../../src-main/protocols/codec.ts';
import { defaultQuirks } from '../../src-main/providers/quirks.ts';

/** A target as an unknown compatible server is one. */
export const encodeTarget = (
  changes: Partial<Omit<EncodeTarget, 'quirks'>> & { quirks?: Partial<Quirks> } = {},
): EncodeTarget => ({
  provider: 'upstream',
  model: 'upstream-model',
  facts: unknownModel,
  refused: new Set(),
  session: null,
  estimatedInputTokens: 100,
  window: null,
  keepAliveMs: null,
  isForeign: null,
  ...changes,
  quirks: { ...defaultQuirks, ...changes.quirks },
});

export const decodeContext = (
  changes: Partial<Omit<DecodeContext, 'quirks'>> & { quirks?: Partial<Quirks> } = {},
): DecodeContext => ({
  model: 'asked-model',
  target: { provider: 'upstream', model: 'upstream-model' },
  estimatedInputTokens: 100,
  toolNames: new Map(),
  offeredTools: new Map(),
  usedToolIds: new Set(),
  stopSequences: [],
  ...changes,
  quirks: { ...defaultQuirks, ...changes.quirks },
});

/** Ids that are the same in every run. */
export function countingIds(): () => string {
  let count = 0;
  return () => {
    count += 1;
    return `new${count}`;
  };
}

/** The events of a stream that arrives in the given pieces. */
export function decodeStream(decoder: StreamDecoder, pieces: Iterable<Uint8Array>): StreamEvent[] {
  const events: StreamEvent[] = [];
  for (const piece of pieces) events.push(...decoder.push(piece));
  events.push(...decoder.end());
  return events;
}
