import type { EngineStatus } from '../../src-shared/control.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import { decisiveAttempt, formatDuration, formatMoment, formatTime, formatTokens } from './format.ts';
import { StateLabel, type Tone } from './state-label.tsx';

const requestStates: Record<RequestRow['state'], { tone: Tone; text: string }> = {
  running: { tone: 'busy', text: 'Running' },
  answered: { tone: 'good', text: 'Answered' },
  failed: { tone: 'bad', text: 'Failed' },
  aborted: { tone: 'warn', text: 'Aborted' },
};

const headings = ['Time', 'Model', 'Route', 'State', 'First content', 'Total', 'Tokens'] as const;

/** The newest requests, as they happen. */
export function RequestSection({ rows, counts }: { rows: RequestRow[] | null; counts: EngineStatus['requests'] }) {
  return (
    <section aria-labelledby="requests" className="wide">
      <div className="line heading">
        <h2 id="requests">Requests</h2>
        <p className="facts">
          <span>{counts.running} running</span>
          <span>{counts.total} since the start</span>
          <span className={counts.failed > 0 ? 'problem' : undefined}>{counts.failed} failed</span>
        </p>
      </div>
      {rows === null ? (
        <p className="empty" aria-busy="true">
          Loading requests…
        </p>
      ) : rows.length === 0 ? (
        <p className="empty">
          No request yet. Paste the lines for Claude Code into a terminal and say something to it.
        </p>
      ) : (
        <table>
          <thead>
            <tr>
              {headings.map((heading) => (
                <th key={heading} scope="col">
                  {heading}
                </th>
              ))}
            </tr>
          </thead>
          {rows.map((row) => (
            <Request key={row.id} row={row} />
          ))}
        </table>
      )}
    </section>
  );
}

function Request({ row }: { row: RequestRow }) {
  const attempt = decisiveAttempt(row);
  const state = requestStates[row.state];
  const failedAttempts = row.attempts.filter((other) => other !== attempt && other.error !== null);
  const notes = [
    ...(row.error === null ? [] : [row.error.message]),
    ...failedAttempts.map(
      ({ provider, model, error }) => `Tried before: ${provider}/${model}. ${error?.message ?? ''}`,
    ),
  ];
  return (
    <tbody>
      <tr className={notes.length > 0 ? 'has-notes' : undefined}>
        <td className="number" data-label="Time">
          <time dateTime={new Date(row.startedAt).toISOString()} title={formatMoment(row.startedAt)}>
            {formatTime(row.startedAt)}
          </time>
        </td>
        <td className="model" data-label="Model">
          <span className="model-name">{row.askedModel}</span>
          {attempt !== null && (
            <span className="model-name quiet">
              <span aria-hidden="true">→ </span>
              <span className="unseen">went to </span>
              {attempt.provider}/{attempt.model}
            </span>
          )}
        </td>
        <td data-label="Route">{row.route ?? <Nothing meaning="not decided" />}</td>
        <td data-label="State">
          <StateLabel tone={state.tone}>{row.status === null ? state.text : `${state.text} ${row.status}`}</StateLabel>
        </td>
        <td className="number" data-label="First content">
          {row.firstContentMs === null ? <Nothing meaning="none" /> : formatDuration(row.firstContentMs)}
        </td>
        <td className="number" data-label="Total">
          {row.endedMs === null ? <Nothing meaning="not finished" /> : formatDuration(row.endedMs)}
        </td>
        <td className="number" data-label="Tokens">
          {attempt?.usage ? <Tokens usage={attempt.usage} /> : <Nothing meaning="not reported" />}
        </td>
      </tr>
      {notes.length > 0 && (
        <tr className="notes">
          <td />
          <td colSpan={headings.length - 1}>
            {notes.map((note) => (
              <p key={note} className={note === row.error?.message && row.state === 'failed' ? 'problem' : 'quiet'}>
                {note}
              </p>
            ))}
          </td>
        </tr>
      )}
    </tbody>
  );
}

function Tokens({ usage }: { usage: Parameters<typeof formatTokens>[0] }) {
  const { input, output } = formatTokens(usage);
  return (
    <>
      {input} in, {output} out
    </>
  );
}

function Nothing({ meaning }: { meaning: string }) {
  return (
    <>
      <span aria-hidden="true" className="nothing">
        –
      </span>
      <span className="unseen">{meaning}</span>
    </>
  );
}
