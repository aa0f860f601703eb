/** What a database's worker is asked, and what it answers, by the name of the call. */
export type CallTable<Calls> = { [Call in keyof Calls]: { asked: unknown; answer: unknown } };

/** One call. `now` is a Unix time in ms. */
export type ToDatabase<Calls extends CallTable<Calls>> = {
  [Call in keyof Calls & string]: { id: number; now: number; call: Call; asked: Calls[Call]['asked'] };
}[keyof Calls & string];

/**
 * Why a call failed. `never`: it will not work in this process, whatever is tried. `later`: it may once the user has done
 * something about it (a full disk).
 */
export interface DiskProblem {
  retry: 'never' | 'later';
  /** In words for the user, without a full stop. */
  reason: string;
}

export type FromDatabase = { id: number; answer: unknown } | { id: number; problem: DiskProblem } | { warning: string };
