import { isLoopbackHost } from '../../src-shared/config.ts';
import { amber, type Check, green } from './check.ts';

/**
 * What of this shell's variables decides over the clients that are started in it.
 * @param endpoint of the running engine; null where none runs.
 */
export function shellChecks(env: NodeJS.ProcessEnv, endpoint: string | null): Check[] {
  return [
    ...(endpoint === null ? [] : baseUrlChecks(env, endpoint)),
    ...(env.NODE_TLS_REJECT_UNAUTHORIZED === '0'
      ? [
          amber(
            'NODE_TLS_REJECT_UNAUTHORIZED',
            'Certificates are not checked, so anyone on the way can read keys.',
            'Unset it, and name the certificates that are to be trusted with `ca` at the provider.',
          ),
        ]
      : []),
  ];
}

function baseUrlChecks(env: NodeJS.ProcessEnv, endpoint: string): Check[] {
  const text = env.ANTHROPIC_BASE_URL?.trim() ?? '';
  if (text === '') return [];
  if (!URL.canParse(text))
    return [amber('ANTHROPIC_BASE_URL', 'It is no address.', `Unset it, or set it to ${endpoint}.`)];
  const url = new URL(text);
  if (!isSamePlace(url, new URL(endpoint)))
    return [
      amber(
        'ANTHROPIC_BASE_URL',
        `Claude Code goes to ${url.origin} from this shell, and not to CProxy at ${endpoint}.`,
        `Unset it, or set it to ${endpoint}.`,
      ),
    ];
  const bringsToken =
    [env.ANTHROPIC_AUTH_TOKEN, env.ANTHROPIC_API_KEY].some((token) => (token?.trim() ?? '') !== '') ||
    /x-cproxy-token/i.test(env.ANTHROPIC_CUSTOM_HEADERS ?? '');
  return [
    green('ANTHROPIC_BASE_URL', 'Claude Code goes to CProxy from this shell.'),
    ...(bringsToken
      ? []
      : [
          amber(
            'ANTHROPIC_AUTH_TOKEN',
            'It is not set, so Claude Code brings no client token.',
            'Set it to a token of CProxy.',
          ),
        ]),
  ];
}

function isSamePlace(url: URL, endpoint: URL): boolean {
  const isSameHost =
    url.hostname === endpoint.hostname || (isLoopbackHost(url.hostname) && isLoopbackHost(endpoint.hostname));
  return isSameHost && url.port === endpoint.port;
}
