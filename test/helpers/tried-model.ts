import { answer, callTools, type Part, type Step, say } from './scriptable-upstream.ts';
import type { UpstreamRequest } from './upstream/request.ts';

/** What `cproxy doctor` asks a model for, as it is seen in a request. */
export type TriedAbility =
  | 'plain'
  | 'streaming'
  | 'tools'
  | 'parallel'
  | 'result'
  | 'thinking'
  | 'images'
  | 'long'
  | 'structured';

/** Of all that doctor asks, in whatever dialect it arrives. */
export function abilityTried({ text }: UpstreamRequest): TriedAbility {
  if (text.includes('light rain')) return 'result';
  if (text.includes('both cities')) return 'parallel';
  if (text.includes('get_weather')) return 'tools';
  if (text.includes('red square') || text.includes('Which colour')) return 'images';
  if (text.includes('A bat and a ball')) return 'thinking';
  if (text.includes('three red apples')) return 'structured';
  if (text.includes('code word')) return 'long';
  return text.includes('from one to thirty') ? 'streaming' : 'plain';
}

const numbers = Array.from({ length: 30 }, (_, index) => `number ${index + 1}`).join(', ');
const weather = (...cities: string[]): Step =>
  callTools(cities.map((city, index) => ({ id: `call_${index}`, name: 'get_weather', input: { city } })));
const text = (words: string): Part => ({ type: 'text', text: words });

const good: Readonly<Record<TriedAbility, Step>> = {
  plain: say('OK'),
  streaming: say(numbers),
  tools: weather('Bergen'),
  parallel: weather('Bergen', 'Lima'),
  result: say('It is 17 degrees in Bergen, with light rain.'),
  thinking: answer([{ type: 'thinking', text: 'The ball is x, so 2x + 1 = 1.10.' }, text('0.05')]),
  images: say('Red.'),
  long: answer([text('PELICAN-42')], { usage: { input: 8_100, output: 5 } }),
  structured: say('{"colour":"red","amount":3}'),
};

/** A model that does all that doctor asks of it, but for what it is told otherwise. */
export const triedModel =
  (otherwise: Partial<Record<TriedAbility, Step | ((request: UpstreamRequest) => Step)>> = {}) =>
  (request: UpstreamRequest): Step => {
    const ability = abilityTried(request);
    const step = otherwise[ability] ?? good[ability];
    return typeof step === 'function' ? step(request) : step;
  };
