import type { Condition, Routes, Rule } from '../../src-shared/rules.ts';

/** The rules that `routing.routes` stands for. A request that names its provider goes there, whatever it is like. */
export function readyMadeRules(routes: Routes): Rule[] {
  const rule = (id: string, use: Rule['use'] | undefined, when: Condition): Rule[] =>
    use === undefined ? [] : [{ id, enabled: true, when: { not: { named: 'provider' }, ...when }, use }];
  return [
    ...rule('web-search', routes.webSearch, { class: 'web-search' }),
    ...rule('compaction', routes.compaction, { class: 'compaction' }),
    ...rule('image', routes.image, { images: true }),
    ...rule('long-context', routes.longContext, { inputTokens: { min: routes.longContextTokens } }),
    ...rule('background', routes.background, { class: ['background', 'title'] }),
    ...rule('subagent', routes.subagent, { class: 'subagent' }),
    ...rule('thinking', routes.thinking, { thinking: true }),
  ];
}
