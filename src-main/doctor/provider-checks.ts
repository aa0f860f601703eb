import type { KeyView, ProviderView } from '../../src-shared/control.ts';
import { amber, type Check, green, red, skipped } from './check.ts';

/** How providers do, by what an engine that has just asked them says; nothing of it costs anything. */
export function providerChecks(providers: readonly ProviderView[], command: string): Check[] {
  if (providers.length === 0)
    return [
      amber(
        'providers',
        'There are none; the built-in demo answers.',
        `\`${command} keys set openrouter\` and a line in the configuration add one; so does OPENROUTER_API_KEY, ANTHROPIC_API_KEY or OPENAI_API_KEY in the environment.`,
      ),
    ];
  return providers.flatMap((provider) => checksOf(provider, command));
}

/** States of keys that have a check of their own. */
const TELLING: ReadonlySet<KeyView['state']> = new Set(['missing', 'refused', 'exhausted', 'cooling-down']);

function checksOf(provider: ProviderView, command: string): Check[] {
  const { id, enabled, circuits, models } = provider;
  if (!enabled) return [skipped(id, 'It is switched off (enabled: false).')];
  const keys = provider.keys.flatMap((key) => keyChecks(id, key, provider.keys.length, command));
  const health = healthCheck(provider);
  // A key that is missing or refused is told as such.
  const told = provider.health.reason?.toLowerCase() ?? '';
  const said = provider.keys.some(
    ({ state, reason }) => TELLING.has(state) && reason !== null && told.includes(reason.toLowerCase()),
  );
  return [
    ...(said && health.state !== 'green' ? [] : [health]),
    ...keys,
    ...circuits.map(({ model, reason }) =>
      amber(
        id,
        `${model ?? 'All of it'} is left alone after failures: ${reason}`,
        `\`${command} circuits --reset ${model === null ? id : `${id}/${model}`}\` has it tried again at once.`,
      ),
    ),
    ...(models.error !== null && models.error !== provider.health.reason && health.state === 'green'
      ? [
          amber(
            id,
            `Its list of models could not be fetched: ${models.error}`,
            'Name its models in the configuration: `models: [ … ]`.',
          ),
        ]
      : []),
    ...(models.count === 0 && models.error === null
      ? [amber(id, 'No model of it is known.', 'Name its models in the configuration: `models: [ … ]`.')]
      : []),
  ];
}

function healthCheck({ id, baseUrl, health, keys, models }: ProviderView): Check {
  const known = `${models.count} ${models.count === 1 ? 'model' : 'models'}`;
  const { state, reason } = health;
  switch (state) {
    case 'healthy':
      return green(id, `${baseUrl === null ? 'It is built in' : `${baseUrl} answers`}; ${known}; ${keysOf(keys)}.`);
    case 'degraded':
      return amber(id, reason ?? 'It fails often, or is slow.');
    case 'down':
      return red(
        id,
        reason ?? 'It cannot be reached.',
        'Correct its address or its key, or switch it off (`enabled: false`).',
      );
    case 'unknown':
      return amber(id, reason ?? 'It has not answered yet.');
  }
}

function keysOf(keys: readonly KeyView[]): string {
  const [key] = keys;
  if (keys.length > 1) return `${keys.length} keys`;
  if (key === undefined || key.state === 'not-needed') return 'no key needed';
  if (key.state === 'from-client') return "the client's own login";
  return key.reference === null ? 'key found' : `key ${key.reference}`;
}

function keyChecks(
  provider: string,
  { id, reference, state, reason }: KeyView,
  count: number,
  command: string,
): Check[] {
  const name = `${count > 1 ? `Key ${id}` : 'Its key'}${reference === null ? '' : ` (${reference})`}`;
  const because = reason === null ? '.' : `: ${reason}`;
  switch (state) {
    case 'missing':
      return [
        red(
          provider,
          `${name} is missing${because}`,
          `\`${command} keys set ${provider}\` stores one; or switch it off (\`enabled: false\`).`,
        ),
      ];
    case 'refused':
      return [
        red(
          provider,
          `${name} is refused${because}`,
          `Make a new one at the vendor, and store it with \`${command} keys set ${provider}\`.`,
        ),
      ];
    case 'exhausted':
      return [
        amber(provider, `${name} is used up${because}`, 'Add credit at the vendor, or another key under `keys`.'),
      ];
    case 'cooling-down':
      return [amber(provider, `${name} rests${because}`)];
    default:
      return [];
  }
}
