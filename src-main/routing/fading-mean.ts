/** A mean in which older values count less and less. Plain data, so that it can be kept. */
export interface FadingMean {
  /** As if of so many values. */
  weight: number;
  sum: number;
}

export const noValues = (): FadingMean => ({ weight: 0, sum: 0 });

/** Providers count as they like: what is no amount is left out. @param keep what is left of the values before, 0 to 1. */
export function addTo(mean: FadingMean, value: number, keep: number): void {
  if (!Number.isFinite(value) || value < 0) return;
  mean.weight = mean.weight * keep + 1;
  mean.sum = mean.sum * keep + value;
}

/** null while it has next to no values. */
export const meanOf = ({ weight, sum }: FadingMean): number | null => (weight < 1e-3 ? null : sum / weight);

/**
 * The mean with what is to be expected of those like it counted in, so that a few values do not decide.
 * @param priorWeight counts as so many values. @param left what time has left of the mean's own weight, 0 to 1.
 */
export const shrunk = ({ weight, sum }: FadingMean, prior: number, priorWeight: number, left: number): number =>
  (sum * left + prior * priorWeight) / (weight * left + priorWeight);
