/** A day or a month of the local calendar: from the first moment (Unix time in ms), before the second. */
export interface Period {
  readonly from: number;
  readonly until: number;
}

/** The one that a moment is in. Days with a change of the clock are an hour longer or shorter. */
export function periodAt(per: 'day' | 'month', now: number): Period {
  const at = new Date(now);
  const begin = (later: number): number =>
    per === 'day'
      ? new Date(at.getFullYear(), at.getMonth(), at.getDate() + later).getTime()
      : new Date(at.getFullYear(), at.getMonth() + later, 1).getTime();
  return { from: begin(0), until: begin(1) };
}
