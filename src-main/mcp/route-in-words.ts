import type { RequestRow } from '../../src-shared/requests.ts';
import type { CandidateView, ExplanationView, RouteView, RuleView } from '../../src-shared/routing.ts';
import { requestInWords, summaryOfRequest } from './request-summary.ts';
import { list, paragraphs, span, targetName } from './words.ts';

/** Why a request went where it went, for a model to read. */
export function explanationInWords({ request, route, steps }: ExplanationView): string {
  return paragraphs(
    requestInWords(summaryOfRequest(request)),
    request.attempts.length === 0 ? null : `Attempts:\n${list(request.attempts.map(attemptInWords))}`,
    steps.length === 0 ? null : `On the way:\n${list(steps.map(({ step, detail }) => `${step}: ${detail}`))}`,
    route === null ? 'It was refused before it was routed.' : routeInWords(route),
  );
}

/** How a request was routed, or would be. */
export function routeInWords(view: RouteView): string {
  const { rules, candidates, facts } = view;
  const reached = rules.filter(({ outcome }) => outcome !== 'not-reached');
  return paragraphs(
    `Asked for ${facts.model}; class ${facts.class}, about ${facts.inputTokens} tokens, ${facts.tools.length} tools.`,
    `Why there:\n${list(whyThere(view))}`,
    reached.length === 0 ? null : `Rules, the first that matches decides:\n${list(reached.map(ruleInWords))}`,
    candidates.length === 0 ? null : `Targets:\n${list(candidates.map(candidateInWords))}`,
  );
}

/** What has led there, step by step. */
export const whyThere = ({ naming, route, strategy, affinity, changes, candidates, problem }: RouteView): string[] => [
  ...(problem === null ? [] : [problem]),
  ...naming.steps.map((step) => `name: ${step}`),
  ...(candidates.length === 0 ? [] : [`route: ${route}`, `order: ${strategy.name}, ${strategy.why}`]),
  ...(affinity === null ? [] : [`conversation: ${affinity}`]),
  ...(changes === null ? [] : [`changed: ${Object.keys(changes).join(', ')}`]),
];

function attemptInWords(attempt: RequestRow['attempts'][number]): string {
  const { outcome, startedMs, endedMs, status, error } = attempt;
  const facts = [
    outcome,
    ...(endedMs === null ? [] : [span(endedMs - startedMs)]),
    ...(status === null ? [] : [`HTTP ${status}`]),
    ...(error === null ? [] : [error.message]),
  ];
  return `${targetName(attempt)}: ${facts.join(', ')}`;
}

const ruleInWords = ({ id, outcome, why }: RuleView): string => `${id}: ${outcome}${why === null ? '' : `, ${why}`}`;

const candidateInWords = ({ order, place, why, ...target }: CandidateView): string =>
  `${order === null ? 'not tried' : order}. ${targetName(target)} (${place})${why === null ? '' : `: ${why}`}`;
