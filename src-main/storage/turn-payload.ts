import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { isObject } from '../protocols/is-object.ts';
import type { RememberedTurn } from '../protocols/remembered-turn.ts';

/**
 * What turns have in common, the most common last: a short one shrinks by what it needs not say again. Saved payloads
 * need this very text: to change it takes a migration.
 */
const dictionary = Buffer.from(
  `"phases":["commentary","final_answer",null]}{"type":"redacted_thinking","data":"cproxy1."openai":{"id":"rs_"}` +
    ' file code error tests function because should instead return value already probably there would could which' +
    " also then need I need to check the user wants me to Let me look at the Now I'll First, I'll This means that the" +
    '"provider":"ollama","model":"qwen3-coder"deepseek-reasoner"gemini-3-pro-preview"gpt-5.2-codex"openrouter"openai"' +
    '{"provider":"anthropic","model":"claude-haiku-4-5"claude-opus-4-5"claude-sonnet-4-5","reasoning":{"toolu_01":[],' +
    '"call_":[{"type":"thinking","thinking":"","signature":""}],"":[{"type":"thinking","thinking":"The user ' +
    '","signature":""}]}}',
);
/** Turns are small: the buffers of zlib's defaults take four times as much, and more time to clear than all the rest. */
const settings = { dictionary, windowBits: 13, memLevel: 6 } as const;
/** No payload of ours comes near it; a damaged one must not fill the memory. */
const MOST_BYTES = 32 * 1024 * 1024;

/** A turn as it is written: JSON, deflated where that is shorter. */
export function packTurn(turn: RememberedTurn): string | Uint8Array {
  const json = JSON.stringify(turn);
  const bytes = Buffer.byteLength(json);
  const packed = deflateRawSync(json, { ...settings, chunkSize: Math.max(64, bytes) });
  return packed.length < bytes ? packed : json;
}

/** What `packTurn` wrote; null where it is damaged. */
export function unpackTurn(payload: unknown): RememberedTurn | null {
  try {
    const json =
      payload instanceof Uint8Array
        ? inflateRawSync(payload, { dictionary, maxOutputLength: MOST_BYTES }).toString()
        : String(payload);
    const turn: unknown = JSON.parse(json);
    return isTurn(turn) ? turn : null;
  } catch {
    return null;
  }
}

function isTurn(value: unknown): value is RememberedTurn {
  return (
    isObject(value) &&
    typeof value.provider === 'string' &&
    typeof value.model === 'string' &&
    isObject(value.reasoning) &&
    Object.values(value.reasoning).every((blocks) => Array.isArray(blocks) && blocks.every(isBlock)) &&
    (value.phases === undefined || Array.isArray(value.phases))
  );
}

const isBlock = (value: unknown): boolean =>
  isObject(value) &&
  (value.type === 'thinking'
    ? typeof value.thinking === 'string' && typeof value.signature === 'string'
    : value.type === 'redacted_thinking' && typeof value.data === 'string');
