import path from 'node:path';
import type { EngineStatus, KeyView, ProviderView } from '../../src-shared/control.ts';
import { columns, styled } from './output.ts';

export interface StartMessage {
  status: Omit<EngineStatus, 'requests' | 'memoryBytes'>;
  /** The client token of the very first start; null later. */
  firstToken: string | null;
  /** Why there is no window; null where nobody needs to be told. */
  startNote: string | null;
  /** How `cproxy` is called here. */
  command: string;
  /** Where a configuration file belongs when there is none yet. */
  configFolder: string;
  environment: string | null;
  /** Where values came from that the file does not have. */
  sources: readonly string[];
  platform: NodeJS.Platform;
}

/** What `cproxy serve` says once it listens. */
export function startMessage(message: StartMessage): string[] {
  const { status, startNote, command } = message;
  return sections([
    [
      ...(startNote === null ? [] : [startNote]),
      styled('bold', `CProxy ${status.version} listens at ${status.endpoint}`),
      configurationLine(message),
      ...message.sources.map((source) => `  ${source}`),
    ],
    clientLines(message),
    providerLines(message),
    status.warnings.length === 0 ? [] : ['Warnings:', ...status.warnings.map((warning) => `  ${warning}`)],
    [`Pages: open ${status.endpoint}/ui/ and enter the code that \`${command} login\` prints.`, 'Ctrl-C stops it.'],
  ]);
}

/** Blocks of lines with an empty line between them. */
export function sections(blocks: readonly (readonly string[])[]): string[] {
  return blocks.filter((block) => block.length > 0).flatMap((block, index) => (index === 0 ? block : ['', ...block]));
}

function configurationLine({ status, environment }: StartMessage): string {
  if (status.configFile === null) return 'No configuration file; it runs on what it found.';
  return `Configuration: ${status.configFile}${environment === null ? '' : ` (${environment})`}`;
}

function clientLines({ status, firstToken, command, platform }: StartMessage): string[] {
  const line = (name: string, value: string) =>
    platform === 'win32' ? `  $env:${name} = "${value}"` : `  export ${name}=${value}`;
  const lines = (token: string) => [
    line('ANTHROPIC_BASE_URL', status.endpoint),
    line('ANTHROPIC_AUTH_TOKEN', token),
    '  claude',
  ];
  const others = (token: string) => [
    '',
    `Clients of OpenAI's APIs take ${token}, and ${status.endpoint}/v1 as their base URL.`,
  ];
  const setUp = [
    `To use it from Claude Code: \`${command} claude\` starts it with everything set,`,
    `and \`${command} setup claude-code\` sets it up for good (with \`--undo\` to take it back).`,
  ];
  if (status.auth === 'none')
    return [
      ...setUp,
      'Or paste this. No token is needed; Claude Code only wants one to be set:',
      '',
      ...lines('none'),
      ...others('any key'),
    ];
  if (firstToken !== null)
    return [
      ...setUp,
      'Or paste this (the token is shown only this once):',
      '',
      ...lines(firstToken),
      ...others('the same token'),
    ];
  return [
    ...setUp,
    `Other clients need a token: \`${command} token new NAME\` makes one.`,
    `Those of OpenAI's APIs take it, and ${status.endpoint}/v1 as their base URL.`,
  ];
}

function providerLines(message: StartMessage): string[] {
  const { status } = message;
  const others = status.providers.filter(({ type }) => type !== 'demo');
  const ready = others.filter(isReady);
  return [
    ...(others.length === 0 ? [] : ['Providers:', ...providerRows(others).map((row) => `  ${row}`)]),
    ...(ready.length > 0
      ? []
      : [
          others.length === 0
            ? 'Only the built-in demo provider answers: it needs no key and no network.'
            : 'None of them can answer yet. The built-in demo provider can: ask for the model demo/demo.',
        ]),
    ...(ready.length > 0 ? [] : howToAddOne(message)),
  ];
}

function howToAddOne({ status, configFolder, platform }: StartMessage): string[] {
  const file = status.configFile ?? path.join(configFolder, 'config.yaml');
  const set = platform === 'win32' ? 'set' : 'export';
  return [
    `To add a real one, ${set} ANTHROPIC_API_KEY, OPENAI_API_KEY or OPENROUTER_API_KEY and start again,`,
    `or write ${file}${file.endsWith('.json') ? ', here as YAML' : ''}:`,
    '',
    '  providers:',
    '    - { id: openrouter, type: openrouter, key: env:OPENROUTER_API_KEY }',
    '    - { id: local, type: openai-compatible, baseUrl: http://127.0.0.1:8000, models: [qwen3-coder] }',
  ];
}

function isReady({ enabled, keys }: ProviderView): boolean {
  return enabled && (keys.length === 0 || keys.some(({ state }) => state !== 'missing'));
}

/** One line a provider: whether it can answer, and why it cannot. */
export function providerRows(providers: readonly ProviderView[]): string[] {
  return columns(providers.map((provider) => [...providerCells(provider)]));
}

function providerCells({ id, type, enabled, keys }: ProviderView): [string, string, string] {
  const name = `${id} (${type})`;
  if (!enabled) return ['off', name, 'not enabled'];
  if (keys.length > 1) return severalKeys(name, keys);
  const [key] = keys;
  if (key === undefined || key.state === 'not-needed') return ['ready', name, 'no key needed'];
  if (key.state === 'missing') return ['no key', name, key.reason ?? 'no key'];
  if (key.reference === null) return ['ready', name, key.state === 'reading' ? 'its key is being read' : 'has a key'];
  return ['ready', name, key.state === 'from-client' ? "the client's own login" : `key ${key.reference}`];
}

function severalKeys(name: string, keys: readonly KeyView[]): [string, string, string] {
  const missing = keys.filter(({ state }) => state === 'missing');
  const reasons = missing.map(({ id, reason }) => `'${id}': ${reason ?? 'missing'}`).join(' ');
  if (missing.length === keys.length) return ['no key', name, reasons];
  return [
    'ready',
    name,
    `${keys.length} keys${missing.length === 0 ? '' : `, ${missing.length} missing – ${reasons}`}`,
  ];
}
