import { useState } from 'react';
import type { HealthView, KeyView, ModelListView, ProviderView, RateLimitView } from '../../src-shared/control.ts';
import type { CircuitView } from '../../src-shared/routing.ts';
import { checkProvider, closeCircuits, messageOf } from '../stores/engine-store.ts';
import { formatDuration, formatMoment, formatTime } from './format.ts';
import { StateLabel, type Tone } from './state-label.tsx';

const healthStates: Record<HealthView['state'], { tone: Tone; text: string }> = {
  healthy: { tone: 'good', text: 'Healthy' },
  degraded: { tone: 'warn', text: 'Degraded' },
  down: { tone: 'bad', text: 'Down' },
  unknown: { tone: 'quiet', text: 'Not known yet' },
};

const keyStates: Record<KeyView['state'], { tone: Tone; text: string }> = {
  'not-needed': { tone: 'good', text: 'No key needed' },
  reading: { tone: 'quiet', text: 'Key is being read' },
  ready: { tone: 'good', text: 'Key present' },
  'cooling-down': { tone: 'warn', text: 'Key is resting' },
  exhausted: { tone: 'bad', text: 'Key is spent' },
  refused: { tone: 'bad', text: 'Key was refused' },
  missing: { tone: 'bad', text: 'Key missing' },
  'from-client': { tone: 'good', text: 'Key from the client' },
};

/** Who answers. */
export function ProviderSection({ providers }: { providers: readonly ProviderView[] }) {
  return (
    <section aria-labelledby="providers">
      <h2 id="providers">Providers</h2>
      {providers.length === 0 ? (
        <p className="empty">
          There is no provider yet. Set a key such as <code>ANTHROPIC_API_KEY</code> and start CProxy again, or add one
          to the configuration; <code>cproxy config path</code> says where that is.
        </p>
      ) : (
        <ul className="providers">
          {providers.map((provider) => (
            <Provider key={provider.id} provider={provider} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Provider({ provider }: { provider: ProviderView }) {
  const { id, name, type, baseUrl, models, enabled, keys, health, circuits } = provider;
  const state = enabled ? healthStates[health.state] : { tone: 'quiet' as const, text: 'Turned off' };
  return (
    <li>
      <div className="line heading">
        <h3>
          {name} {name !== id && <span className="quiet">{id}</span>}
        </h3>
        <StateLabel tone={state.tone}>{state.text}</StateLabel>
      </div>
      <p className="quiet">
        {type}
        {baseUrl !== null && (
          <>
            {' · '}
            <span className="address">{baseUrl}</span>
          </>
        )}
      </p>
      {enabled && (
        <>
          {health.reason !== null && <p className={health.state === 'down' ? 'problem' : undefined}>{health.reason}</p>}
          <Keys keys={keys} said={health.reason} />
          <Circuits id={id} name={name} circuits={circuits} />
          <Measures id={id} name={name} health={health} />
        </>
      )}
      <Models id={id} models={models} />
    </li>
  );
}

/** @param said what stands above already. */
function Keys({ keys, said }: { keys: readonly KeyView[]; said: string | null }) {
  return (
    <ul className="keys">
      {keys.map(({ id, reference, state, reason, until, limits }) => (
        <li key={id}>
          <StateLabel tone={keyStates[state].tone}>{keyStates[state].text}</StateLabel>
          <span className="quiet">
            {keys.length > 1 && ` ${id}`}
            {reference !== null && (
              <>
                {' '}
                <code>{reference}</code>
              </>
            )}
            {until !== null && ` until ${formatTime(until)}`}
          </span>
          {reason !== null && said?.toLowerCase().includes(reason.toLowerCase()) !== true && (
            <p className={keyStates[state].tone === 'bad' ? 'problem' : 'quiet'}>{reason}</p>
          )}
          {limits.length > 0 && <p className="quiet">{limits.flatMap((limit) => limitInWords(limit)).join(' · ')}</p>}
        </li>
      ))}
    </ul>
  );
}

/** What of a provider is left alone after failures. */
function Circuits({ id, name, circuits }: { id: string; name: string; circuits: readonly CircuitView[] }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const [said, setSaid] = useState('');

  const close = async () => {
    setBusy(true);
    setProblem('');
    try {
      await closeCircuits(id);
      setSaid(`The next request may go to ${name} again.`);
    } catch (error) {
      setProblem(`Not changed: ${messageOf(error)}`);
    } finally {
      setBusy(false);
    }
  };

  return (
    <>
      {circuits.length > 0 && (
        <div className="circuits">
          <ul className="keys">
            {circuits.map((circuit) => (
              <li key={circuit.model ?? ''}>
                <StateLabel tone="warn">{circuit.state === 'open' ? 'Left alone' : 'Being tried again'}</StateLabel>
                <span className="quiet">
                  {circuit.model !== null && (
                    <>
                      {' '}
                      <code>{circuit.model}</code>
                    </>
                  )}
                  {circuit.until !== null && ` until ${formatTime(circuit.until)}`}
                </span>
                <p className="quiet">{circuit.reason}</p>
              </li>
            ))}
          </ul>
          <button type="button" className="plain" aria-busy={busy} onClick={busy ? undefined : close}>
            Try again now<span className="unseen"> {name}</span>
          </button>
        </div>
      )}
      <p role="status" className={problem === '' ? 'unseen' : 'problem'}>
        {problem === '' ? said : problem}
      </p>
    </>
  );
}

function limitInWords({ name, limit, remaining, used, resetsAt }: RateLimitView): string[] {
  const part =
    used !== null
      ? `${Math.round(used * 100)} % used`
      : remaining === null
        ? null
        : `${remaining}${limit === null ? '' : ` of ${limit}`} left`;
  if (part === null) return [];
  return [`limit ${name}: ${part}${resetsAt === null ? '' : `, resets ${formatMoment(resetsAt)}`}`];
}

function Measures({ id, name, health }: { id: string; name: string; health: HealthView }) {
  const { since, firstContentMs, tokensPerSecond, attempts, failures } = health;
  const [busy, setBusy] = useState(false);
  const [found, setFound] = useState('');

  const check = async () => {
    setBusy(true);
    setFound('');
    try {
      setFound(`Checked ${name}. ${await checkProvider(id)}`);
    } catch (error) {
      setFound(`Not checked: ${messageOf(error)}`);
    } finally {
      setBusy(false);
    }
  };

  return (
    <>
      <div className="facts">
        <span>since {formatMoment(since)}</span>
        {firstContentMs !== null && <span>{formatDuration(firstContentMs)} to the first content</span>}
        {tokensPerSecond !== null && <span>{tokensPerSecond} tokens/s</span>}
        {attempts > 0 && (
          <span>
            {failures} of {attempts} failed lately
          </span>
        )}
        {/* Not disabled while it works: the focus would be lost. */}
        <button type="button" className="plain" aria-busy={busy} onClick={busy ? undefined : check}>
          {busy ? 'Checking…' : 'Check now'}
          <span className="unseen"> {name}</span>
        </button>
      </div>
      <p role="status" className="quiet">
        {found}
      </p>
    </>
  );
}

function Models({ id, models }: { id: string; models: ModelListView }) {
  const { count, ids, fetchedAt, error } = models;
  return (
    <>
      {error !== null && <p className="quiet">Its list of models could not be fetched: {error}</p>}
      {count > 0 && (
        <details>
          <summary>
            {count === 1 ? '1 model' : `${count} models`}
            {fetchedAt !== null && <span className="quiet"> as of {formatMoment(fetchedAt)}</span>}
          </summary>
          <ul className="models">
            {ids.map((model) => (
              <li key={model}>
                <code>
                  {id}/{model}
                </code>
              </li>
            ))}
            {count > ids.length && <li className="quiet">and {count - ids.length} more</li>}
          </ul>
        </details>
      )}
    </>
  );
}
