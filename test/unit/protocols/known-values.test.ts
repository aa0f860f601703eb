import { describe, expect, it } from 'vitest';
import { KnownValues } from '../../../src-main/protocols/known-values.ts';
import { RequestBody } from '../../../src-main/protocols/request-body.ts';

const tools = (name: string): { name: string; description: string }[] => [{ name, description: 'd'.repeat(2_000) }];
const body = (list: unknown, text: string): Buffer =>
  Buffer.from(JSON.stringify({ model: 'm', tools: list, messages: [{ role: 'user', content: text }] }));

describe('tool definitions of several requests', () => {
  it('are one frozen object when they are the same bytes', () => {
    const first = new RequestBody(body(tools('Bash'), 'one')).decode();
    const second = new RequestBody(body(tools('Bash'), 'two')).decode();
    expect(second.tools).toBe(first.tools);
    expect(Object.isFrozen((first.tools as object[])[0])).toBe(true);
    expect(second.messages).toEqual([{ role: 'user', content: 'two' }]);
    expect(Object.keys(second)).toEqual(['model', 'tools', 'messages']);
  });
  it('are told apart by a single byte', () => {
    const bash = new RequestBody(body(tools('Bash'), 'x')).decode();
    const dash = new RequestBody(body(tools('Dash'), 'x')).decode();
    expect(dash.tools).toEqual(tools('Dash'));
    expect(bash.tools).toEqual(tools('Bash'));
  });
  it('are not mistaken for a longer or a shorter list', () => {
    const one = tools('Bash');
    const two = [...one, ...tools('Read')];
    for (const list of [one, two, one, two]) expect(new RequestBody(body(list, 'x')).decode().tools).toEqual(list);
  });
});

it('only so many are kept', () => {
  const known = new KnownValues();
  const value = (index: number): Buffer => Buffer.from(JSON.stringify(tools(`tool-${index}`)));
  for (let index = 0; index < 40; index += 1) known.remember(value(index), 0, value(index).length);
  expect(known.lengthAt(value(39), 0)).toBe(value(39).length);
  expect(known.lengthAt(value(0), 0)).toBe(0);
});
