/** Longer lines are no fences. Characters. */
const LINE_LIMIT = 200;

/** Knows whether the text so far ends inside a fenced code block (CommonMark, "Fenced code blocks"; indented as one likes). */
export class Fences {
  #line = '';
  /** The characters that opened the block. */
  #fence: string | null = null;

  get inside(): boolean {
    return this.#fence !== null || fenceOf(this.#line) !== null;
  }

  push(text: string): void {
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      this.#extend(text.slice(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#extend(text.slice(start));
  }

  #extend(text: string): void {
    if (this.#line.length <= LINE_LIMIT) this.#line += text.slice(0, LINE_LIMIT + 1);
  }

  #endLine(): void {
    const fence = fenceOf(this.#line);
    if (this.#fence === null) this.#fence = fence;
    else if (fence?.startsWith(this.#fence) && this.#line.trim() === fence) this.#fence = null;
    this.#line = '';
  }
}

/** What follows backticks on their line cannot hold one: that is code within the line. */
function fenceOf(line: string): string | null {
  const match = line.length > LINE_LIMIT ? null : /^\s*(?:(`{3,})[^`]*|(~{3,}).*)$/.exec(line);
  return match?.[1] ?? match?.[2] ?? null;
}
