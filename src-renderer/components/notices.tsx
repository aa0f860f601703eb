import type { ConfigStateView } from '../../src-shared/control.ts';
import type { Link } from '../bridge/bridge.ts';
import { retryConnection } from '../stores/engine-store.ts';
import { formatMoment } from './format.ts';

/** What stands in the way, and what to do about it. */
export function Notices({
  link,
  problem,
  config,
  warnings,
}: {
  link: Link;
  problem: string | null;
  /** null: not known yet. */
  config: ConfigStateView | null;
  warnings: readonly string[];
}) {
  return (
    <>
      {link.state === 'disconnected' && (
        <div role="alert" className="notice bad">
          <p>
            <strong>CProxy does not answer.</strong> It may have been stopped. This page tries again by itself; what it
            shows is what was last known.
          </p>
          <button type="button" onClick={retryConnection}>
            Try now
          </button>
        </div>
      )}
      {link.state === 'signed-out' && (
        <div role="alert" className="notice warn">
          <p>
            <strong>Your session has ended.</strong> Run <code>cproxy login</code> for a new code and log in again.
          </p>
          <button type="button" onClick={() => window.location.reload()}>
            Log in
          </button>
        </div>
      )}
      {link.state === 'connected' && problem !== null && (
        <div role="alert" className="notice bad">
          <p>
            <strong>CProxy could not tell its state.</strong> {problem}
          </p>
          <button type="button" onClick={() => window.location.reload()}>
            Load again
          </button>
        </div>
      )}
      {config !== null && config.problems.length > 0 && <RefusedFile config={config} />}
      {config !== null && config.afterRestart.length > 0 && (
        <section className="notice warn listing" aria-label="After the next start">
          <p>
            <strong>CProxy has to be started again</strong> for all of its configuration to be in force:
          </p>
          <Lines lines={config.afterRestart} />
        </section>
      )}
      {warnings.length > 0 && (
        <ul className="notice warn" aria-label="Warnings">
          {warnings.map((warning) => (
            <li key={warning}>{warning}</li>
          ))}
        </ul>
      )}
    </>
  );
}

/** The file has been changed into one that cannot be used; what was in force before still is. */
function RefusedFile({ config: { file, since, problems } }: { config: ConfigStateView }) {
  return (
    <section role="alert" className="notice bad listing" aria-label="The configuration cannot be used">
      <p>
        <strong>The configuration cannot be used as it stands in the file.</strong> CProxy goes on with what is in force
        since {formatMoment(since)}. It takes the file as soon as it is valid.
      </p>
      <Lines
        lines={problems.map((line) =>
          file !== null && line.startsWith(`${file}:`) ? line.slice(folderOf(file)) : line,
        )}
      />
    </section>
  );
}

/** The folder stands at the end of the page, and would fill the line. */
const folderOf = (file: string): number => Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\')) + 1;

function Lines({ lines }: { lines: readonly string[] }) {
  return (
    <ul>
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
}
