import { expect, it } from 'vitest';
import { LearnedQuirks } from '../../../src-main/providers/learned-quirks.ts';
import { defaultQuirks } from '../../../src-main/providers/quirks.ts';

it('lays what a model has turned out to want over what is known of it', () => {
  const learned = new LearnedQuirks();
  expect(learned.laidOver(defaultQuirks, 'm')).toBe(defaultQuirks);
  learned.add('m', { returnsReasoningContent: true });
  learned.add('m', { toolSchema: 'gemini' });
  const quirks = { ...defaultQuirks, returnsReasoningContent: true, toolSchema: 'gemini' };
  expect(learned.laidOver(defaultQuirks, 'm')).toEqual(quirks);
  expect(learned.laidOver(defaultQuirks, 'other')).toBe(defaultQuirks);
});

it('forgets what turns out to be no help, and nothing else', () => {
  const learned = new LearnedQuirks();
  learned.add('m', { returnsReasoningContent: true });
  learned.add('m', { toolSchema: 'gemini' });
  learned.remove('m', { toolSchema: 'gemini' });
  expect(learned.laidOver(defaultQuirks, 'm')).toEqual({ ...defaultQuirks, returnsReasoningContent: true });
  learned.remove('m', { returnsReasoningContent: true });
  learned.remove('never', { toolSchema: 'gemini' });
  expect(learned.laidOver(defaultQuirks, 'm')).toBe(defaultQuirks);
});

it('does not grow without end', () => {
  const learned = new LearnedQuirks();
  for (let index = 0; index <= 1000; index += 1) learned.add(`m${index}`, { toolSchema: 'gemini' });
  const isKnown = (model: string) => learned.laidOver(defaultQuirks, model) !== defaultQuirks;
  expect(['m0', 'm1', 'm1000'].map(isKnown)).toEqual([false, true, true]);
});
