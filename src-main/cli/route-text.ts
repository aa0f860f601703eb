import { mapTexts } from '../../src-shared/map-texts.ts';
import type { CandidateView, RouteView, RoutingFacts, RuleView } from '../../src-shared/routing.ts';
import { columns, styled, wrapped } from './output.ts';

/** Where it begins what stands below a heading. */
const INDENT = '  ';

const shown = (count: number): string => count.toLocaleString('en-US');

/** Times of a request, in ms, as people read them: `35 ms`, `1.2 s`, `75 s`. */
export function span(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

/** Names come from clients and providers, and none of them may steer the terminal. */
export const printable = <T>(value: T): T =>
  mapTexts(value, (text) => text.replace(/[\p{Cc}\p{Cf}]/gu, (character) => (/\s/.test(character) ? ' ' : '\ufffd')));

/** Enough of an id to find it by. */
export const shortId = (id: string): string => id.slice(0, 'req_'.length + 8);

export const targetName = ({ provider, model }: { provider: string; model: string }): string => `${provider}/${model}`;

/** How a request was routed: the way of its name, what became of the rules, and the targets. @param width in columns. */
export function routeSections(view: RouteView, width: number): string[][] {
  const lines = (texts: readonly string[]): string[] => texts.flatMap((text) => wrapped(text, width, INDENT));
  const why = whyLines(view);
  return [
    why.length === 0 ? [] : ['Why there:', ...lines(why)],
    view.rules.length === 0 ? [] : ['Rules, the first that matches decides:', ...ruleLines(view.rules, width)],
    view.candidates.length === 0 ? [] : ['Targets:', ...candidateLines(view.candidates, width)],
    ['The request:', ...lines(factLines(view.facts))],
  ];
}

function whyLines({ route, naming, strategy, affinity, changes, candidates, problem }: RouteView): string[] {
  const some = candidates.length > 0;
  return [
    ...(problem === null ? [] : [problem]),
    ...naming.steps.map((step) => `name: ${step}`),
    ...(some ? [`route: ${route}`, `order: ${strategy.name}, ${strategy.why}`] : []),
    ...(affinity === null ? [] : [`conversation: ${affinity}`]),
    ...(changes === null ? [] : [`changed: ${changeTexts(changes).join('; ')}`]),
  ];
}

/** Characters of a changed value that are shown: a system text may be a page. */
const LONGEST_CHANGE = 100;

export const changeTexts = (changes: NonNullable<RouteView['changes']>): string[] =>
  Object.entries(changes).map(([name, value]) => {
    const said = typeof value === 'string' ? value : JSON.stringify(value);
    return `${name} ${said.length > LONGEST_CHANGE ? `${said.slice(0, LONGEST_CHANGE)}…` : said}`;
  });

const outcomes: Record<RuleView['outcome'], { mark: string; word: string; format: Parameters<typeof styled>[0] }> = {
  matched: { mark: '+', word: 'matches', format: 'green' },
  'not-matched': { mark: '-', word: 'no', format: 'dim' },
  off: { mark: '-', word: 'is off', format: 'dim' },
  'not-reached': { mark: ' ', word: 'not reached', format: 'dim' },
};

/** Rules that do not match: so many of them are shown, the last ones. */
const MOST_RULES = 20;

function ruleLines(rules: readonly RuleView[], width: number): string[] {
  const reached = rules.filter(({ outcome }) => outcome !== 'not-reached');
  const shownRules = reached.slice(-MOST_RULES - 1);
  const [before, behind] = [reached.length - shownRules.length, rules.length - reached.length];
  const lines = shownRules.flatMap(({ id, name, outcome, why }) => {
    const { mark, word, format } = outcomes[outcome];
    const title = name === null || name === id ? id : `${id} (${name})`;
    const reason = why === null ? word : outcome === 'not-matched' ? why : `${word}: ${why}`;
    const [first = '', ...others] = wrapped(`${mark} ${title}: ${reason}`, width, INDENT);
    return [INDENT + styled(format, first.slice(INDENT.length)), ...others];
  });
  return [
    ...(before === 0 ? [] : [`${INDENT}  ${shown(before)} more before these do not match`]),
    ...lines,
    ...(behind === 0 ? [] : [`${INDENT}  ${shown(behind)} more ${behind === 1 ? 'was' : 'were'} not reached`]),
  ];
}

const places: Record<CandidateView['place'], string> = {
  target: '',
  fallback: 'fallback',
  reserve: 'left alone',
  'content-policy': 'if the content is refused',
  skipped: 'skipped',
};

function candidateLines(candidates: readonly CandidateView[], width: number): string[] {
  const rows = columns(
    candidates.map(({ order, place, score, ...target }) => [
      order === null ? '-' : String(order),
      targetName(target),
      [places[place], score === null ? '' : `score ${Number(score.toPrecision(3))}`]
        .filter((part) => part !== '')
        .join(', '),
    ]),
  );
  return candidates.flatMap(({ why }, index) => [
    `${INDENT}${rows[index]}`,
    ...(why === null ? [] : wrapped(why, width, `${INDENT}     `)),
  ]);
}

function factLines(facts: RoutingFacts): string[] {
  const { class: requestClass, classSource, tools, time, headers } = facts;
  const source = classSource.from === 'inferred' ? `inferred: ${classSource.why}` : classSource.why;
  const named = (label: string, value: string | null): string[] => (value === null ? [] : [`${label} ${value}`]);
  const names = Object.entries(headers).map(([name, value]) => (value === '' ? name : `${name}: ${value}`));
  const clock = [Math.floor(time.minute / 60), time.minute % 60].map((part) => String(part).padStart(2, '0')).join(':');
  return [
    `${requestClass} (${source}), asked for ${facts.model}`,
    [
      `about ${shown(facts.inputTokens)} tokens`,
      ...(facts.maxTokens === null ? [] : [`at most ${shown(facts.maxTokens)} back`]),
      tools.length === 0 ? 'no tools' : `${tools.length} tools (${few(tools)})`,
      ...(facts.images ? ['images'] : []),
      ...(facts.documents ? ['documents'] : []),
      ...(facts.thinking ? [`thinking${facts.effort === null ? '' : `, effort ${facts.effort}`}`] : []),
      ...(!facts.thinking && facts.effort !== null ? [`effort ${facts.effort}`] : []),
      facts.stream ? 'streamed' : 'not streamed',
      ...(facts.midTurn ? ['in the middle of a turn'] : []),
    ].join(', '),
    [
      facts.protocol,
      ...named('from', facts.client ?? facts.userAgent),
      ...named('session', facts.session),
      ...named('agent', facts.agent),
      ...named('of kind', facts.agentType),
      ...named('begun by', facts.parentAgent),
      ...named('in', facts.project),
      `${time.day} ${clock}`,
      ...(facts.budget === 'none' ? [] : [`budget ${facts.budget}`]),
      ...(facts.subscription === null ? [] : [`subscription ${Math.round(facts.subscription * 100)} % used`]),
    ].join(', '),
    ...(names.length === 0 ? [] : [`headers: ${names.join(', ')}`]),
  ];
}

const few = (names: readonly string[]): string =>
  names.length <= 8 ? names.join(', ') : `${names.slice(0, 7).join(', ')} and ${names.length - 7} more`;
