import { useState } from 'react';
import type { EngineStatus, TokenView } from '../../src-shared/control.ts';
import { CopyButton } from './copy-button.tsx';
import { FreshToken, TokenForm, TokenList } from './token-section.tsx';

type Shell = 'sh' | 'powershell';

const assignments: Record<Shell, (name: string, value: string) => string> = {
  sh: (name, value) => `export ${name}=${value}`,
  powershell: (name, value) => `$env:${name} = "${value}"`,
};

/** Where clients go, and what to paste for Claude Code. */
export function ConnectSection({ status, tokens }: { status: EngineStatus; tokens: TokenView[] | null }) {
  const [shell, setShell] = useState<Shell>(navigator.userAgent.includes('Windows') ? 'powershell' : 'sh');
  const [fresh, setFresh] = useState<(TokenView & { token: string }) | null>(null);
  const needsToken = status.auth === 'token';
  // Claude Code asks for a login unless it has some token, even where none is checked.
  const token = fresh?.token ?? (needsToken ? 'YOUR_CPROXY_TOKEN' : 'none');
  const assign = assignments[shell];
  const lines = [assign('ANTHROPIC_BASE_URL', status.endpoint), assign('ANTHROPIC_AUTH_TOKEN', token), 'claude'].join(
    '\n',
  );

  return (
    <section aria-labelledby="connect">
      <h2 id="connect">Connect</h2>
      <div className="line">
        <code className="endpoint">{status.endpoint}</code>
        <CopyButton text={status.endpoint} label="the endpoint" />
      </div>

      <div className="line heading">
        <h3 id="claude-code">Claude Code</h3>
        <fieldset className="choice">
          <legend className="unseen">Shell</legend>
          <label>
            <input type="radio" name="shell" checked={shell === 'sh'} onChange={() => setShell('sh')} />
            <span>macOS, Linux</span>
          </label>
          <label>
            <input type="radio" name="shell" checked={shell === 'powershell'} onChange={() => setShell('powershell')} />
            <span>PowerShell</span>
          </label>
        </fieldset>
      </div>
      <p>
        Run <code>cproxy setup claude-code</code> once, or paste these lines into a terminal:
      </p>
      <div className="snippet">
        <pre>{lines}</pre>
        <CopyButton text={lines} label="the lines for Claude Code" />
      </div>

      {needsToken ? (
        <>
          <h3>Client tokens</h3>
          <p className="quiet">
            A token stands for one client and opens the model endpoints, not this page.{' '}
            <code>cproxy token new NAME</code> makes one too.
          </p>
          {fresh !== null && <FreshToken made={fresh} onClose={() => setFresh(null)} />}
          <TokenForm onMade={setFresh} />
          <TokenList tokens={tokens} onRevoked={(id) => setFresh((made) => (made?.id === id ? null : made))} />
        </>
      ) : (
        <p className="quiet">
          This endpoint asks for no token (<code>server.auth: none</code>): anything on this machine can use it.
        </p>
      )}
    </section>
  );
}
