import { type FormEvent, useEffect, useRef, useState } from 'react';
import type { TokenView } from '../../src-shared/control.ts';
import { createToken, messageOf, revokeToken } from '../stores/engine-store.ts';
import { CopyButton } from './copy-button.tsx';
import { formatDay } from './format.ts';

export function TokenForm({ onMade }: { onMade: (made: TokenView & { token: string }) => void }) {
  const [name, setName] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      onMade(await createToken(name));
      setName('');
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <form className="token-form" onSubmit={submit}>
      <label htmlFor="token-name">Name of the client</label>
      <div className="line">
        <input
          id="token-name"
          value={name}
          onChange={(event) => setName(event.target.value)}
          required
          maxLength={64}
          placeholder="laptop"
          autoComplete="off"
          aria-describedby={problem === null ? undefined : 'token-problem'}
        />
        <button type="submit" disabled={busy}>
          Create token
        </button>
      </div>
      {problem !== null && (
        <p role="alert" className="problem" id="token-problem">
          No token was made: {problem}
        </p>
      )}
    </form>
  );
}

/** A token that has just been made, for as long as its reader wants to see it. */
export function FreshToken({ made, onClose }: { made: TokenView & { token: string }; onClose: () => void }) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.focus(), []);
  return (
    <aside className="notice good fresh" aria-label={`The new token ${made.name}`} tabIndex={-1} ref={box}>
      <p>
        <strong>Token “{made.name}”.</strong> It is shown only now. Until you close this, it also stands in the lines
        above.
      </p>
      <div className="line">
        <code className="token">{made.token}</code>
        <CopyButton text={made.token} label="the token" />
        <button type="button" className="plain" onClick={onClose}>
          I have it
        </button>
      </div>
    </aside>
  );
}

export function TokenList({ tokens, onRevoked }: { tokens: TokenView[] | null; onRevoked: (id: string) => void }) {
  const [asked, setAsked] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  const revoke = async (id: string) => {
    setProblem(null);
    try {
      await revokeToken(id);
      onRevoked(id);
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setAsked(null);
    }
  };

  if (tokens === null || tokens.length === 0) return null;
  return (
    <>
      <ul className="tokens" aria-label="Client tokens">
        {tokens.map(({ id, name, createdAt }) => (
          <li key={id}>
            <span className="name">{name}</span>
            <span className="quiet">made {formatDay(createdAt)}</span>
            {asked === id ? (
              <Confirm name={name} onYes={() => revoke(id)} onNo={() => setAsked(null)} />
            ) : (
              <button type="button" className="plain" aria-label={`Revoke ${name}`} onClick={() => setAsked(id)}>
                Revoke
              </button>
            )}
          </li>
        ))}
      </ul>
      {problem !== null && (
        <p role="alert" className="problem">
          Not revoked: {problem}
        </p>
      )}
    </>
  );
}

function Confirm({ name, onYes, onNo }: { name: string; onYes: () => void; onNo: () => void }) {
  const no = useRef<HTMLButtonElement>(null);
  // The button that led here is gone; without this the keyboard would begin at the top of the page again.
  useEffect(() => no.current?.focus(), []);
  return (
    <span className="confirm">
      <button type="button" className="danger" onClick={onYes}>
        Revoke “{name}” for good
      </button>
      <button type="button" className="plain" ref={no} onClick={onNo}>
        Keep
      </button>
    </span>
  );
}
