import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again and again until the answer is yes (neither false nor null nor undefined) and returns it. Throws after `limitMs`. */
export async function waitUntil<T>(
  what: string,
  ask: () => T | Promise<T>,
  limitMs = 10_000,
): Promise<Exclude<T, false | null | undefined>> {
  const end = Date.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== false && answer !== null && answer !== undefined)
      return answer as Exclude<T, false | null | undefined>;
    if (Date.now() > end) throw new Error(`${what} did not come within ${limitMs} ms`);
    await sleep(20);
  }
}
