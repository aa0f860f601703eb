/** How one thing stands: in order, worth a look, wrong, or not looked at. */
export type CheckState = 'green' | 'amber' | 'red' | 'skipped';

/** One thing that was looked at, in words for the user. Holds no secrets. */
export interface Check {
  name: string;
  state: CheckState;
  found: string;
  /** What to do; null where there is nothing. */
  advice: string | null;
}

export interface Section {
  title: string;
  checks: Check[];
}

export const green = (name: string, found: string): Check => ({ name, state: 'green', found, advice: null });
export const amber = (name: string, found: string, advice: string | null = null): Check => ({
  name,
  state: 'amber',
  found,
  advice,
});
export const red = (name: string, found: string, advice: string | null = null): Check => ({
  name,
  state: 'red',
  found,
  advice,
});
export const skipped = (name: string, found: string): Check => ({ name, state: 'skipped', found, advice: null });

/** How many checks ended how. */
export function countChecks(sections: readonly Section[]): Record<CheckState, number> {
  const counts = { green: 0, amber: 0, red: 0, skipped: 0 };
  for (const { checks } of sections) for (const { state } of checks) counts[state] += 1;
  return counts;
}

/** What an error says. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
