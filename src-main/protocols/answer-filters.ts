import type { StreamEvent } from './canonical.ts';
import type { DecodeContext } from './codec.ts';
import { MarkupReader } from './markup/markup-reader.ts';
import { StopCutter } from './stop-cutter.ts';

/** What is done to the events of one answer after a dialect's decoder, whatever the dialect; mostly nothing. */
export class AnswerFilters {
  readonly #markup: MarkupReader | null;
  readonly #cutter: StopCutter | null;

  /** `newId` makes ids for tool calls that were written as text. */
  constructor(context: DecodeContext, newId?: () => string) {
    this.#markup = context.quirks.readsMarkup ? new MarkupReader(context, newId) : null;
    this.#cutter = context.stopSequences.length > 0 ? new StopCutter(context.stopSequences) : null;
  }

  /** A stop sequence was found: only the usage of what still comes counts. A decoder is `finished` then. */
  get stopped(): boolean {
    return this.#cutter?.found === true;
  }

  push(events: StreamEvent[]): StreamEvent[] {
    const read = this.#markup === null ? events : this.#markup.push(events);
    return this.#cutter === null ? read : this.#cutter.push(read);
  }
}
