import { type Check, type CheckState, countChecks, type Section } from '../doctor/check.ts';
import type { TargetResult } from '../doctor/run-trials.ts';
import { type Estimate, type ProviderEstimate, sum } from '../doctor/trial-cost.ts';
import type { TrialTarget } from '../doctor/trial-target.ts';
import { type TrialId, trials, type Verdict } from '../doctor/trials.ts';
import { columns, styled, wrapped } from './output.ts';
import { sections as blocks } from './start-message.ts';

type Format = Parameters<typeof styled>[0];

/** Shape and word say the same as the colour. */
const states: Record<CheckState, { label: string; format: Format }> = {
  green: { label: '+ ok', format: 'green' },
  amber: { label: '~ look', format: 'yellow' },
  red: { label: 'x wrong', format: 'red' },
  skipped: { label: '- skipped', format: 'dim' },
};
const LABEL = 11;

/** What the checks have found. @param width of the terminal in columns; where there is none, 80. */
export function doctorLines(found: readonly Section[], width = 80): string[] {
  const counts = countChecks(found);
  return blocks([
    ...found
      .filter(({ checks }) => checks.length > 0)
      .map(({ title, checks }) => [styled('bold', title), ...checks.flatMap((check) => checkLines(check, width))]),
    [
      `${counts.green} in order, ${counts.amber} worth a look, ${counts.red} wrong${counts.skipped === 0 ? '' : `, ${counts.skipped} not looked at`}.`,
    ],
  ]);
}

function checkLines({ name, state, found, advice }: Check, width: number): string[] {
  const { label, format } = states[state];
  const margin = ' '.repeat(LABEL + 2);
  const [first = '', ...others] = wrapped(`${name}: ${found}`, width - margin.length, '');
  return [
    `  ${styled(format, label)}${' '.repeat(LABEL - label.length)}${first}`,
    ...others.map((line) => margin + line),
    ...(advice === null ? [] : wrapped(`> ${advice}`, width, margin)),
  ];
}

/** What trials will take, before they are made. */
export function estimateLines(
  targets: readonly TrialTarget[],
  estimates: readonly ProviderEstimate[],
  width = 80,
): string[] {
  const all = sum(estimates);
  const rows = [...estimates, ...(estimates.length > 1 ? [{ provider: 'all', ...all }] : [])];
  return [
    'Small real requests will be sent:',
    ...targets.flatMap(({ provider, model, why }) => wrapped(`${provider}/${model} (${why})`, width, '  ')),
    '',
    ...columns([
      ['  provider', 'calls', 'tokens read', 'tokens written', 'cost'],
      ...rows.map((row) => [
        `  ${row.provider}`,
        String(row.calls),
        `about ${row.inputTokens}`,
        `about ${row.outputTokens}`,
        costText(row),
      ]),
    ]),
    ...(all.unpriced.length === 0
      ? []
      : ['', ...wrapped(`What these cost is not known: ${all.unpriced.join(', ')}.`, width, '')]),
  ];
}

function costText({ dollars, mostDollars, unpriced }: Estimate): string {
  if (dollars === null || mostDollars === null) return 'unknown';
  const known = mostDollars === 0 ? 'nothing' : `about $${usd(dollars)}, at most $${usd(mostDollars)}`;
  return unpriced.length === 0 ? known : `${known}, and what is unknown`;
}

const usd = (dollars: number): string => (dollars >= 1 ? dollars.toFixed(2) : dollars.toFixed(4));

const cells: Record<Verdict['state'], { text: string; format: Format }> = {
  ok: { text: 'ok', format: 'green' },
  warn: { text: 'warn', format: 'yellow' },
  fail: { text: 'FAIL', format: 'red' },
  none: { text: '–', format: 'dim' },
  left: { text: '·', format: 'dim' },
};

/** Each as wide as the widest cell, at least. */
const heads: Record<TrialId, string> = {
  plain: 'plain',
  streaming: 'stream',
  tools: 'tools',
  parallel: 'para',
  result: 'result',
  thinking: 'think',
  images: 'image',
  count: 'count',
  long: 'long',
  structured: 'struct',
};

/**
 * The matrix of models and trials, and what is to be done about each cell that is not ok.
 * @param ids of the trials, one a column.
 */
export function trialLines(results: readonly TargetResult[], ids: readonly TrialId[], width = 80): string[] {
  return blocks([
    matrix(results, ids, width),
    [
      ...wrapped(
        'ok: works; warn: works in part; FAIL: does not work; –: not offered by the model; ·: not tried',
        width,
        '',
      ),
      ...wrapped(ids.map((id) => `${heads[id]}: ${trials[id].title}`).join('; '), width, ''),
    ].map((line) => styled('dim', line)),
    ...results.map((result) => detailLines(result, ids, width)),
    [countLine(results)],
  ]);
}

function matrix(results: readonly TargetResult[], ids: readonly TrialId[], width: number): string[] {
  const names = results.map(({ target }) => `${target.provider}/${target.model}`);
  const longest = Math.max(...names.map((name) => name.length), 'model'.length);
  const head = ids.map((id) => heads[id]).join(' ');
  const row = ({ verdicts }: TargetResult): string =>
    ids
      .map((id) => {
        const { text, format } = cells[verdicts[id]?.state ?? 'left'];
        return styled(format, text) + ' '.repeat(heads[id].length - text.length);
      })
      .join(' ')
      .trimEnd();
  // Where it is too wide for the terminal, names stand in lines of their own.
  return longest + 2 + head.length > width
    ? [`  ${styled('dim', head)}`, ...results.flatMap((result, index) => [names[index] ?? '', `  ${row(result)}`])]
    : [
        styled('dim', `${'model'.padEnd(longest)}  ${head}`),
        ...results.map((result, index) => `${(names[index] ?? '').padEnd(longest)}  ${row(result)}`),
      ];
}

/** What came in each cell that is not ok, and what to do. */
function detailLines({ target, verdicts }: TargetResult, ids: readonly TrialId[], width: number): string[] {
  const lines = ids.flatMap((id) => {
    const verdict = verdicts[id];
    if (verdict === undefined || (verdict.state !== 'warn' && verdict.state !== 'fail')) return [];
    const { text, format } = cells[verdict.state];
    const [first = '', ...others] = wrapped(`${trials[id].title}: ${verdict.found}`, width - 8, '');
    return [
      `  ${styled(format, text)}  ${first}`,
      ...others.map((line) => `        ${line}`),
      ...(verdict.advice === null ? [] : wrapped(`> ${verdict.advice}`, width, '        ')),
      ...verdict.configuration.map((line) => `            ${line}`),
    ];
  });
  return lines.length === 0 ? [] : [styled('bold', `${target.provider}/${target.model}`), ...lines];
}

function countLine(results: readonly TargetResult[]): string {
  const counts = countVerdicts(results);
  return `${counts.ok} ok, ${counts.warn} in part, ${counts.fail} failed, ${counts.none} not offered, ${counts.left} not tried.`;
}

export function countVerdicts(results: readonly TargetResult[]): Record<Verdict['state'], number> {
  const counts = { ok: 0, warn: 0, fail: 0, none: 0, left: 0 };
  for (const { verdicts } of results) for (const { state } of Object.values(verdicts)) counts[state] += 1;
  return counts;
}
