import catalogue from '../../resources/models.json' with { type: 'json' };

interface Priced {
  cost?: { input: number; output: number };
}

/** Of a vendor's models the cheapest whose price is known and not zero (free ones are overrun), else the first. */
export function cheapestModel(ids: readonly string[]): string | null {
  const kinds = Object.values(catalogue.models as Record<string, Record<string, Priced>>);
  const priceOf = (id: string): number => {
    const costs = kinds.flatMap((models) => models[id]?.cost ?? []);
    const prices = costs.map(({ input, output }) => input + output).filter((price) => price > 0);
    return prices.length === 0 ? Infinity : Math.max(...prices);
  };
  const [first = null] = ids;
  return ids.reduce((best: string | null, id) => (best === null || priceOf(id) < priceOf(best) ? id : best), first);
}
