import type { RoutingFacts } from '../../src-shared/routing.ts';
import type { Target } from './plan.ts';

/** Tokens of an estimate are so much fewer at worst: what may fit is not refused by it. */
const CERTAINLY_TOO_LARGE = 2;

/** What a request needs that a target cannot do, in words; null where it can, or where that is not known. */
export function unfit(facts: RoutingFacts, { provider, model }: Target): string | null {
  const { tools, images, documents, contextWindow } = provider.factsOf(model);
  if (tools === false && facts.tools.length > 0) return 'it cannot call tools';
  if (images === false && facts.images) return 'it reads no images';
  if (documents === false && facts.documents) return 'it reads no documents';
  if (
    contextWindow !== null &&
    !provider.assumesWindow(model) &&
    facts.inputTokens > contextWindow * CERTAINLY_TOO_LARGE
  )
    return `about ${inWords(facts.inputTokens)} tokens are more than its window of ${inWords(contextWindow)}`;
  return null;
}

const inWords = (tokens: number): string => tokens.toLocaleString('en-US');
