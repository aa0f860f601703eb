import type { RateConfig } from '../../src-shared/limits-config.ts';
import type { AttemptRow } from '../../src-shared/requests.ts';
import type { AttemptContext, RequestContext } from '../pipeline/context.ts';

/** What a rate asks of a request. */
export interface RequestSource {
  readonly client: string | null;
  readonly project: string | null;
}

/** The project is found out only where a rate asks for it. */
export const sourceOf = ({ row, facts }: RequestContext): RequestSource => ({
  client: row.client,
  get project() {
    return facts.project;
  },
});

/** Who is counted by itself; null: all together, or those without. */
export function whoOfRequest({ each }: RateConfig, source: RequestSource): string | null {
  if (each === 'client') return source.client;
  return each === 'project' ? source.project : null;
}

/** The same for an attempt, whose key has been chosen where that is who is counted. */
export function whoOfAttempt(rate: RateConfig, { target, key, request }: AttemptContext): string | null {
  const { id } = target.provider;
  switch (rate.each) {
    case 'provider':
      return id;
    case 'key':
      return key === null ? id : `${id}/${key.id}`;
    default:
      return whoOfRequest(rate, sourceOf(request));
  }
}

/** What providers reported; null where they were asked and have reported nothing. */
export function tokensOf(attempts: readonly AttemptRow[]): number | null {
  const asked = attempts.filter(({ status }) => status !== null);
  const known = asked.flatMap(({ usage }) => usage ?? []);
  if (known.length === 0 && asked.length > 0) return null;
  return known.reduce(
    (sum, { input, cacheRead, cacheWrite, output }) => sum + input + cacheRead + cacheWrite + output,
    0,
  );
}
