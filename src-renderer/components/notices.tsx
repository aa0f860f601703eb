import type { Link } from '../bridge/bridge.ts';
import { retryConnection } from '../stores/engine-store.ts';

/** What stands in the way, and what to do about it. */
export function Notices({
  link,
  problem,
  warnings,
}: {
  link: Link;
  problem: string | null;
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
