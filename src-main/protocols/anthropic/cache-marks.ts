import type { CacheControl } from '../canonical.ts';
import type { SentBlock } from './content.ts';
import type { Conversation } from './messages.ts';

/** "A maximum of 4 blocks with cache_control may be provided." */
const MOST_MARKS = 4;

/**
 * Leaves no more marks for the prompt cache than Anthropic takes, in an order it takes: of the system prompt at least the
 * last, of the conversation the last ones, and none for an hour behind one for five minutes. Marks of thinking blocks and the
 * like, which cannot be marked, are not made in the first place.
 *
 * @param before marks that stand before the system prompt (the tools') and are kept.
 * @param after a mark for the whole request, where there is one.
 * @returns how many marks there are now, and the one for the whole request.
 */
export function limitMarks(
  { system, messages }: Conversation,
  before: readonly CacheControl[],
  after: CacheControl | undefined,
): { count: number; after: CacheControl | undefined } {
  const ofSystem = system.filter(isMarked);
  const ofMessages = messages.flatMap(({ content }) => content.flatMap(markedWithin));
  const room = MOST_MARKS - before.length - (after === undefined ? 0 : 1);
  const fewest = Math.min(ofSystem.length, 1);
  const keptMessages = lastOf(ofMessages, Math.max(0, room - fewest));
  const keptSystem = lastOf(ofSystem, Math.max(0, room - keptMessages.length));
  const kept = new Set([...keptSystem, ...keptMessages]);
  let short = before.some(isShort);
  for (const block of [...ofSystem, ...ofMessages]) {
    const mark = block.cache_control;
    if (mark === undefined || !kept.has(block)) delete block.cache_control;
    else if (isShort(mark)) short = true;
    else if (short) block.cache_control = { type: 'ephemeral' };
  }
  const count = before.length + kept.size + (after === undefined ? 0 : 1);
  return { count, after: after !== undefined && short && !isShort(after) ? { type: 'ephemeral' } : after };
}

/** Takes all marks away. */
export function removeMarks({ system, messages }: Conversation): void {
  for (const block of system) delete block.cache_control;
  for (const { content } of messages) for (const block of content.flatMap(markedWithin)) delete block.cache_control;
}

const isMarked = (block: SentBlock): boolean => block.cache_control !== undefined;
const isShort = ({ ttl }: CacheControl): boolean => ttl !== '1h';
const lastOf = <Item>(items: readonly Item[], count: number): readonly Item[] =>
  items.slice(items.length - Math.min(count, items.length));

/** The block itself, and what is in a tool's result or a search result, in the order in which they count. */
function markedWithin(block: SentBlock): SentBlock[] {
  const inner = Array.isArray(block.content) ? (block.content as SentBlock[]).filter(isMarked) : [];
  return isMarked(block) ? [...inner, block] : inner;
}
