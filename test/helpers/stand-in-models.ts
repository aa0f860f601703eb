import { getTokenizer } from '@anthropic-ai/tokenizer';
import llama3 from 'llama3-tokenizer-js';
import { hermesPreamble, type StandInModel } from './counting-accuracy.ts';

/** Models whose own tokenizers are public and small. */

/** Claude 2's tokenizer behind a name that tells nothing: a model of which nothing is known, and that differs in much. */
export function unknownModel(): StandInModel {
  const tokenizer = getTokenizer();
  return {
    name: 'in-house-model',
    count: (text) => tokenizer.encode(text.normalize('NFKC'), 'all').length,
    image: (width, height) => Math.min(1600, Math.ceil((width * height) / 750)),
    tokensPerMessage: 3,
    toolPreamble: hermesPreamble,
  };
}

/** Llama 3, whose vision models take 1601 tokens for a tile. */
export function llama(): StandInModel {
  return {
    name: 'llama-3.3-70b-instruct',
    count: (text) => llama3.encode(text, { bos: false, eos: false }).length,
    image: () => 1601,
    tokensPerMessage: 5,
    toolPreamble: hermesPreamble,
  };
}
