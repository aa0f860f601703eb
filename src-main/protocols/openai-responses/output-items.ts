import type { Block } from './block-queue.ts';

/** What has been told of one content part of a message. */
export interface Part {
  received: boolean;
  /** How many of its citations have been taken. */
  cited: number;
  block: Block | null;
}

/** An item of a response's `output`, as the events tell of it. */
export class OutputItem {
  readonly type: string;
  /** Its `output_index`; null where the server gives none (llama.cpp). */
  readonly index: number | null;
  id: string;
  callId = '';
  name = '';
  phase: string | undefined;
  /** Its end has been told. */
  done = false;
  /** Of a message, by `content_index`. */
  readonly parts = new Map<number, Part>();
  /** Of anything but a message. */
  block: Block | null = null;
  /** All input of a call so far. */
  input = '';
  /** Reasoning is told as a summary or as itself; where a server does both, the one that comes first counts. */
  source: 'summary' | 'content' | null = null;
  /** The part of the reasoning that its last text belongs to. */
  lastPart: number | null = null;

  constructor(type: string, index: number | null, id: string) {
    this.type = type;
    this.index = index;
    this.id = id;
  }

  /** Takes what an `item` object says that was not known yet. */
  learn(data: Readonly<Record<string, unknown>>): void {
    if (this.id === '' && typeof data.id === 'string') this.id = data.id;
    if (this.callId === '' && typeof data.call_id === 'string') this.callId = data.call_id;
    if (this.name === '' && typeof data.name === 'string') this.name = data.name;
    if (typeof data.phase === 'string') this.phase = data.phase;
  }

  part(index: number): Part {
    let part = this.parts.get(index);
    if (part === undefined) {
      part = { received: false, cited: 0, block: null };
      this.parts.set(index, part);
    }
    return part;
  }

  closeParts(): void {
    for (const { block } of this.parts.values()) if (block !== null) block.closed = true;
  }

  isCalled(id: string): boolean {
    return id !== '' && (id === this.id || id === this.callId);
  }
}

/**
 * The item that an event is about. Some servers give no `output_index`, some give every item the same, and some another id in
 * every event; so both together count first, then the index, then the id, then what was begun last.
 */
export function findItem(
  items: readonly OutputItem[],
  type: string,
  index: number | null,
  id: string,
): OutputItem | undefined {
  let nearest: OutputItem | undefined;
  let last: OutputItem | undefined;
  for (let place = items.length - 1; place >= 0; place -= 1) {
    const item = items[place];
    if (item === undefined || item.type !== type) continue;
    const unplaced = index === null || item.index === null;
    if (item.isCalled(id)) {
      if (index === item.index) return item;
      if (unplaced) nearest ??= item;
    } else if (index !== null && item.index === index) {
      nearest ??= item;
    } else if (unplaced && !item.done) {
      last ??= item;
    }
  }
  return nearest ?? last;
}
