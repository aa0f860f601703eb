import type { ErrorCode } from '../../src-shared/errors.ts';
import type { AttemptRow, RequestRow } from '../../src-shared/requests.ts';
import type { ExplanationView } from '../../src-shared/routing.ts';
import { resolveFolders } from '../config/folders.ts';
import { withEngine } from './control-client.ts';
import { CommandError, exitCodes, notRunning } from './exit-codes.ts';
import { columns, commandName, print, styled, wrapped } from './output.ts';
import { printable, routeSections, shortId, span, targetName } from './route-text.ts';
import { sections } from './start-message.ts';

/**
 * `cproxy explain`
 * @param id of a request, or the beginning of one; the newest where absent.
 * @returns the exit code
 */
export async function explain(
  id: string | undefined,
  { json, failed }: { json?: boolean; failed?: boolean },
): Promise<number> {
  if (id !== undefined && failed === true)
    throw new CommandError('--failed shows the latest that failed; leave the id out.', exitCodes.usage);
  const which = failed === true ? 'failed' : (id ?? 'latest');
  const asked = await withEngine(resolveFolders(process.env).data, (client) => client.requests.explain({ id: which }));
  if (asked === null) throw notRunning(commandName(process.env));
  if (asked.result === null) throw new CommandError(notFound(which));
  if (json === true) print(JSON.stringify(asked.result, null, 2));
  else for (const line of explanationLines(asked.result, process.stdout.columns)) print(line);
  return exitCodes.ok;
}

function notFound(which: string): string {
  if (which === 'latest') return 'There was no request yet.';
  if (which === 'failed') return 'No request has failed, of the newest 1,000.';
  return `None of the newest 1,000 requests has the id '${which}'. Those that were refused when they were read (no token, no valid JSON) are not among them.`;
}

/** Why a request went where it went. @param width of the terminal in columns; where there is none, 80. */
export function explanationLines(view: ExplanationView, width = 80): string[] {
  const { request, route, steps } = printable(view);
  const { attempts, startedAt, error } = request;
  const advice = adviceOn(view);
  return sections([
    [
      ...headline(request).flatMap((line, index) =>
        index === 0 ? [styled(['bold', stateFormats[request.state]], line)] : wrapped(line, width, '  '),
      ),
      ...wrapped(`${request.id}, ${clock(startedAt)}, ${request.path}`, width, '  '),
      ...(error === null ? [] : wrapped(error.message, width, '  ')),
    ],
    attempts.length === 0
      ? []
      : ['Attempts:', ...attempts.flatMap((attempt, at) => attemptLines(attempts, at, width, attempt))],
    steps.length === 0
      ? []
      : ['On the way:', ...steps.flatMap(({ step, detail }) => wrapped(`${step}: ${detail}`, width, '  '))],
    advice.length === 0 ? [] : ['What to do:', ...advice.flatMap((line) => wrapped(line, width, '  '))],
    ...(route === null
      ? [['It was refused before it was routed.']]
      : routeSections(error === null ? route : { ...route, problem: null }, width)),
    route === null ? [] : wrapped(hint(request.id), width, '').map((line) => styled('dim', line)),
  ]);
}

/** `2026-11-23 14:03:11`, by the clock of this machine: that is how Sweden writes it. @param at Unix time in ms. */
const clock = (at: number): string => new Date(at).toLocaleString('sv-SE');

const hint = (id: string): string =>
  `\`${commandName(process.env)} simulate --request ${shortId(id)} --config FILE\` tries other rules on it.`;

const stateFormats = { running: 'cyan', answered: 'green', failed: 'red', aborted: 'yellow' } as const;

/** What happened, and by whose word. */
function headline({ askedModel, attempts, state, status, endedMs, route }: RequestRow): string[] {
  const targets = attempts.map(targetName);
  const last = targets.at(-1);
  const before = [...new Set(targets.slice(0, -1))].filter((name) => name !== last);
  const sent =
    route === null
      ? []
      : [`sent there by ${route}${before.length === 0 ? '' : `, after ${before.join(', ')} had failed`}`];
  const time = endedMs === null ? '' : ` in ${span(endedMs)}`;
  const made = attempts.length <= 1 ? '' : `, with ${attempts.length} attempts`;
  switch (state) {
    case 'answered':
      return [`${askedModel} was answered by ${last}${time}${made}`, ...sent];
    case 'running':
      return last === undefined
        ? [`${askedModel} is under way`]
        : [`${askedModel} is being answered by ${last}`, ...sent];
    case 'aborted':
      return last === undefined
        ? [`${askedModel} was given up by its client${time}`]
        : [`${askedModel} was given up by its client${time}, at ${last}`, ...sent];
    case 'failed':
      return [
        `${askedModel} failed${status === null ? '' : ` with HTTP ${status}`}${time}${last === undefined ? ', before anyone was asked' : made}`,
      ];
  }
}

const marks: Record<AttemptRow['outcome'], { mark: string; format: Parameters<typeof styled>[0] }> = {
  running: { mark: '~', format: 'cyan' },
  answered: { mark: '+', format: 'green' },
  failed: { mark: 'x', format: 'red' },
  aborted: { mark: '-', format: 'yellow' },
};

function attemptLines(attempts: readonly AttemptRow[], at: number, width: number, attempt: AttemptRow): string[] {
  const rows = columns(
    attempts.map((one, index) => [
      String(index + 1),
      `+${span(one.startedMs)}`,
      targetName(one) + (one.key === null ? '' : ` with key ${one.key}`),
    ]),
  );
  const { mark, format } = marks[attempt.outcome];
  const { startedMs, firstContentMs, endedMs, status, usage, error } = attempt;
  const facts = [
    attempt.outcome === 'answered' ? 'answered' : attempt.outcome === 'aborted' ? 'given up' : attempt.outcome,
    ...(endedMs === null ? [] : [`${attempt.outcome === 'failed' ? 'after' : 'in'} ${span(endedMs - startedMs)}`]),
  ].join(' ');
  const details = [
    facts,
    ...(firstContentMs === null ? [] : [`first content after ${span(firstContentMs - startedMs)}`]),
    ...(status === null || (status < 400 && attempt.outcome === 'answered') ? [] : [`HTTP ${status}`]),
    ...(usage === null
      ? []
      : [
          `${(usage.input + usage.cacheRead + usage.cacheWrite).toLocaleString('en-US')} tokens read${usage.cacheRead > 0 ? ` (${usage.cacheRead.toLocaleString('en-US')} from its cache)` : ''}, ${usage.output.toLocaleString('en-US')} written`,
        ]),
    ...(attempt.mode === 'translated' ? ['translated'] : []),
  ].join('; ');
  const before = attempts[at - 1];
  const saidBefore = before?.error?.message === error?.message && before?.provider === attempt.provider;
  return [
    `  ${styled(format, mark)} ${rows[at]}`,
    ...wrapped(details, width, '      '),
    ...(error === null ? [] : wrapped(saidBefore ? 'the same as before' : error.message, width, '      ')),
  ];
}

/** What its user can do about a failure, beyond what its message says. */
const advices: Partial<Record<ErrorCode, (provider: string, command: string) => string>> = {
  provider_key_missing: (provider, command) => `\`${command} keys set ${provider}\` stores its key.`,
  provider_key_refused: (provider, command) =>
    `\`${command} keys set ${provider}\` stores another key for ${provider}; \`${command} status --probe\` checks it.`,
  provider_keys_resting: (provider) =>
    `More keys for ${provider} (providers.keys), or another target, would take over.`,
  provider_unreachable: (_, command) => `\`${command} status --probe\` asks all providers whether they are there.`,
  provider_silent: (provider) => `A shorter timeouts.silenceMs of ${provider} would have moved on sooner.`,
  context_overflow: () => 'A target with a larger window for long contexts: routing.routes.longContext.',
};

/** Statuses of what another target would refuse as well. */
const ownFaults: ReadonlySet<number> = new Set([400, 404, 413, 422]);

function adviceOn({ request, route }: ExplanationView): string[] {
  const command = commandName(process.env);
  const advice = new Set<string>();
  for (const { provider, error } of request.attempts) {
    const say = error === null ? undefined : advices[error.code];
    if (say !== undefined) advice.add(say(provider, command));
  }
  if (route?.candidates.some(({ place }) => place === 'reserve'))
    advice.add(
      `\`${command} circuits\` shows who is left alone and until when; with --reset they are tried again at once.`,
    );
  const tried = route?.candidates.filter(({ order }) => order !== null) ?? [];
  const last = request.attempts.at(-1)?.error;
  if (request.state === 'failed' && last && !ownFaults.has(last.status) && tried.length === 1)
    advice.add(
      'Only one target came into question. A second one (in an alias, a tier, or the fallback of a rule) would be tried when it fails.',
    );
  return [...advice];
}
