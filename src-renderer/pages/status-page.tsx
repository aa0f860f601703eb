import { ConnectSection } from '../components/connect-section.tsx';
import { Notices } from '../components/notices.tsx';
import { PageHeader } from '../components/page-header.tsx';
import { ProviderSection } from '../components/provider-section.tsx';
import { RequestSection } from '../components/request-section.tsx';
import { useEngine } from '../stores/engine-store.ts';

/** All that one needs to see at a glance, and the lines to begin with. */
export function StatusPage() {
  const { link, status, rows, tokens, problem } = useEngine();
  return (
    <div className="page">
      <PageHeader link={link} status={status} failing={problem !== null} />
      <main>
        <Notices link={link} problem={problem} config={status?.config ?? null} warnings={status?.warnings ?? []} />
        {status === null ? (
          link.state === 'connecting' || (link.state === 'connected' && problem === null) ? (
            <p className="empty" aria-busy="true">
              Connecting to the engine…
            </p>
          ) : null
        ) : (
          <div className="sections">
            <ConnectSection status={status} tokens={tokens} />
            <ProviderSection providers={status.providers} />
            <RequestSection rows={rows} counts={status.requests} />
          </div>
        )}
      </main>
      {status !== null && (
        <footer className="quiet">
          {status.configFile === null ? (
            'No configuration file: CProxy runs on what it found.'
          ) : (
            <>
              Configuration: <code>{status.configFile}</code>
            </>
          )}
        </footer>
      )}
    </div>
  );
}
