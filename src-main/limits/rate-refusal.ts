import { ProxyError } from '../../src-shared/errors.ts';
import type { RateConfig } from '../../src-shared/limits-config.ts';
import type { Refused } from './rate-gate.ts';

/** A rate that is reached, as an error. @param who is counted by itself; null: all together. @param now Unix time in ms. */
export function rateLimited(config: RateConfig, who: string | null, refused: Refused, now = Date.now()): ProxyError {
  const retryAfter = refused.at === null ? 1 : Math.max(1, Math.ceil((refused.at - now) / 1000));
  return ProxyError.of(
    'rate_limited',
    {
      limit: config.id,
      figure: `${figureInWords(config, refused)}${nameOf(config, who)}${queueOf(config, refused)}`,
      again: refused.at === null ? 'Ask again when one of those under way has ended' : `Ask again in ${retryAfter} s`,
    },
    { retryAfter },
  );
}

/** As in `60 requests a minute`. */
export function figureInWords(config: RateConfig, { figure }: Pick<Refused, 'figure'>): string {
  const count = config[figure] ?? 0;
  const plural = count === 1 ? '' : 's';
  const words = {
    requestsPerMinute: `request${plural} a minute`,
    tokensPerMinute: `token${plural} a minute`,
    concurrent: 'at a time',
  };
  return `${count.toLocaleString('en-US')} ${words[figure]}`;
}

function nameOf({ each }: RateConfig, who: string | null): string {
  if (each === undefined) return '';
  if (who === null) return ` for those without a ${each}`;
  return ` for ${each} '${who}'`;
}

function queueOf({ wait }: RateConfig, { why }: Refused): string {
  if (wait === undefined || why === 'now') return '';
  if (why === 'full') return `, and as many wait as may (wait.most: ${wait.most})`;
  return `, and its turn does not come in time (wait.ms: ${wait.ms})`;
}
