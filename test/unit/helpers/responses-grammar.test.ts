import { describe, expect, it } from 'vitest';
import {
  checkResponsesGrammar,
  parseResponsesSse,
  type ResponsesEvent,
  responsesProblems,
} from '../../helpers/responses-grammar.ts';
import { readText } from '../protocols/openai-responses/client-fixtures.ts';

const text = readText('stream.sse');
const valid = parseResponsesSse(text);
const copy = (): ResponsesEvent[] => structuredClone(valid);
const numbered = (events: ResponsesEvent[]): ResponsesEvent[] =>
  events.map((event, sequence_number) => ({ ...event, sequence_number }));
const at = (type: string): number => valid.findIndex((event) => event.type === type);

describe('the grammar of Responses streams', () => {
  it('finds nothing wrong with a valid stream', () => {
    expect(responsesProblems(text)).toEqual([]);
  });

  it('sees that any event is missing', () => {
    // What a search is doing is told for the eye only.
    const optional = /^response\.web_search_call\./;
    valid.forEach((event, index) => {
      if (optional.test(event.type)) return;
      expect(checkResponsesGrammar(numbered(copy().toSpliced(index, 1))), event.type).not.toEqual([]);
    });
  });
  it('sees that any event stands twice, or two have changed places', () => {
    const free = /web_search_call/;
    valid.forEach((event, index) => {
      const next = valid[index + 1];
      if (free.test(event.type)) return;
      expect(
        checkResponsesGrammar(numbered(copy().toSpliced(index, 0, structuredClone(event)))),
        event.type,
      ).not.toEqual([]);
      // An item may begin before the one before it has ended, and a place be cited before the text goes on.
      const may = /output_item.done .*added|annotation/;
      if (next === undefined || may.test(`${event.type} ${next.type}`)) return;
      const swapped = copy().toSpliced(index, 2, structuredClone(next), structuredClone(event));
      expect(checkResponsesGrammar(numbered(swapped)), `${event.type} ↔ ${next.type}`).not.toEqual([]);
    });
  });

  const changes: [string, number, (event: Record<string, unknown>) => void][] = [
    ['a number', 5, (event) => Object.assign(event, { sequence_number: 9 })],
    ['a delta', at('response.output_text.delta'), (event) => Object.assign(event, { delta: 'x' })],
    ['a text', at('response.output_text.done'), (event) => Object.assign(event, { text: 'x' })],
    ['the item of a delta', at('response.output_text.delta'), (event) => Object.assign(event, { item_id: 'x' })],
    ['arguments', at('response.function_call_arguments.done'), (event) => Object.assign(event, { arguments: 'x' })],
    ['a type', at('response.output_text.delta'), (event) => Object.assign(event, { type: 'response.refusal.delta' })],
    [
      'an unknown event',
      at('response.output_text.delta'),
      (event) => Object.assign(event, { type: 'response.x.delta' }),
    ],
    ['an item', at('response.output_item.done'), (event) => Object.assign(event.item as object, { id: 'x' })],
    ['the output', valid.length - 1, (event) => (event.response as { output: unknown[] }).output.pop()],
    ['the id', valid.length - 1, (event) => Object.assign(event.response as object, { id: 'resp_x' })],
    ['the status', valid.length - 1, (event) => Object.assign(event.response as object, { status: 'in_progress' })],
    [
      'the sum',
      valid.length - 1,
      (event) => Object.assign((event.response as { usage: object }).usage, { total_tokens: 1 }),
    ],
    ['the usage', valid.length - 1, (event) => Object.assign(event.response as object, { usage: null })],
  ];
  it.each(changes)('sees that %s has changed', (_what, index, change) => {
    const events = copy();
    change(events[index] as ResponsesEvent);
    expect(checkResponsesGrammar(events)).not.toEqual([]);
  });

  it('wants an end, and events at all', () => {
    expect(checkResponsesGrammar([])).toEqual(['there are no events']);
    expect(checkResponsesGrammar(copy().slice(0, 8))).toEqual(['the stream has no end']);
  });
  it('wants event lines that say what the data says', () => {
    expect(() => parseResponsesSse('data: {"type":"error"}\n\n')).toThrow("event line says 'null'");
  });
});
