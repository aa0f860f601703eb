import { StringDecoder } from 'node:string_decoder';
import type { ReadStream } from 'node:tty';
import { CommandError } from './exit-codes.ts';

/** More is no key. */
const LONGEST = 64 * 1024;

export interface HiddenInput {
  input: Pick<ReadStream, 'isTTY' | 'setRawMode' | 'resume' | 'pause'> & NodeJS.ReadableStream;
  /** Where the question is written. */
  output: { write(text: string): unknown };
}

/**
 * Reads one line that nobody may see: from a terminal without showing it, else all of standard input. Without the line's end.
 * @throws CommandError where it is called off or too long
 */
export async function readHidden(question: string, { input, output }: HiddenInput): Promise<string> {
  if (!input.isTTY) return await readAll(input);
  output.write(question);
  input.setRawMode(true);
  try {
    return await readLine(input);
  } finally {
    input.setRawMode(false);
    input.pause();
    output.write('\n');
  }
}

async function readAll(input: NodeJS.ReadableStream): Promise<string> {
  const decoder = new StringDecoder('utf8');
  let text = '';
  for await (const chunk of input) {
    text += typeof chunk === 'string' ? chunk : decoder.write(chunk);
    if (text.length > LONGEST) throw new CommandError('That is too long for a key.');
  }
  return text.replace(/\r?\n$/, '');
}

function readLine(input: HiddenInput['input']): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const decoder = new StringDecoder('utf8');
  const line = new HiddenLine();
  const onData = (chunk: Buffer | string): void => {
    for (const character of typeof chunk === 'string' ? chunk : decoder.write(chunk)) {
      const state = line.type(character);
      if (state === 'done') resolve(line.text);
      if (state === 'called off') reject(new CommandError('Nothing was changed.'));
      if (state !== 'open') return;
    }
  };
  const onEnd = (): void => resolve(line.text);
  input.on('data', onData).on('end', onEnd);
  input.resume();
  return promise.finally(() => input.removeListener('data', onData).removeListener('end', onEnd));
}

/** What a terminal's own line editing does, as far as somebody needs it who sees nothing. */
class HiddenLine {
  text = '';
  /** Within a sequence such as an arrow key's, or the mark of a paste. */
  #escape = '';

  type(character: string): 'open' | 'done' | 'called off' {
    if (this.#escape !== '') {
      this.#escape += character;
      // ESC, and where `[` or `O` follows, all up to a letter or `~`.
      if (this.#escape.length > 2 ? /[A-Za-z~]/.test(character) : !/[[O]/.test(character)) this.#escape = '';
      return 'open';
    }
    switch (character) {
      case '\r':
      case '\n':
        return 'done';
      case '\x03':
        return 'called off';
      case '\x04':
        return this.text === '' ? 'called off' : 'done';
      case '\x7f':
      case '\b':
        this.text = [...this.text].slice(0, -1).join('');
        return 'open';
      case '\x15':
        this.text = '';
        return 'open';
      case '\x1b':
        this.#escape = character;
        return 'open';
      default:
        if (this.text.length < LONGEST) this.text += character;
        return 'open';
    }
  }
}
