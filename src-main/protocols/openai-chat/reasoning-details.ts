import { packState } from '../reasoning-state.ts';

type Detail = Record<string, unknown>;

/**
 * What the provider wants back of the reasoning of one place in an answer, as the `data` of its packed state (dialect
 * `openai-chat`). The details of all places, in order, are those of the whole answer.
 */
interface ChatReasoningState {
  /** `reasoning_details` of OpenRouter. */
  details?: readonly Detail[];
  /** `extra_content` of tool calls (Gemini's `thought_signature`), by the id that the tool use has here. */
  extra?: Readonly<Record<string, unknown>>;
}

/** Collects such a state while the answer streams. */
export class ReasoningCollector {
  readonly #details: Detail[] = [];
  #extra: Record<string, unknown> | null = null;

  /**
   * Adds the `reasoning_details` of one chunk. The pieces of one text or summary have one `index` and are joined, as
   * OpenRouter's own SDK does; whatever came in one chunk stays apart, and all else stays as it is.
   */
  addDetails(details: readonly Detail[]): void {
    const before = this.#details.length;
    for (const detail of details) {
      const begun = this.#details.findLastIndex((other, place) => place < before && continues(detail, other));
      if (begun === -1) this.#details.push(detail);
      else this.#details[begun] = joined(this.#details[begun] as Detail, detail);
    }
  }

  addExtra(toolUseId: string, extra: Detail): void {
    this.#extra = { ...this.#extra, [toolUseId]: extra };
  }

  pack(target: { provider: string; model: string }): string {
    const data: ChatReasoningState = {
      ...(this.#details.length > 0 ? { details: this.#details } : {}),
      ...(this.#extra === null ? {} : { extra: this.#extra }),
    };
    return packState({ dialect: 'openai-chat', provider: target.provider, model: target.model, data });
  }
}

/** Encrypted details come whole, and a signature ends its text. */
function continues(detail: Detail, earlier: Detail): boolean {
  return (
    (detail.type === 'reasoning.text' || detail.type === 'reasoning.summary') &&
    earlier.type === detail.type &&
    earlier.index === detail.index &&
    !earlier.signature
  );
}

function joined(earlier: Detail, later: Detail): Detail {
  const detail = { ...earlier };
  for (const [key, value] of Object.entries(later)) {
    const begun = detail[key];
    if ((key === 'text' || key === 'summary') && typeof begun === 'string' && typeof value === 'string')
      detail[key] = begun + value;
    else if (begun === undefined || begun === null || begun === '') detail[key] = value;
  }
  return detail;
}
