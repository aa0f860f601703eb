import type { ProviderView } from '../../src-shared/control.ts';
import { StateLabel, type Tone } from './state-label.tsx';

const keyStates: Record<ProviderView['key']['state'], { tone: Tone; text: string }> = {
  'not-needed': { tone: 'good', text: 'No key needed' },
  present: { tone: 'good', text: 'Key present' },
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
  const { id, name, type, baseUrl, models, enabled, key } = provider;
  const state = enabled ? keyStates[key.state] : { tone: 'quiet' as const, text: 'Turned off' };
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
      {key.reference !== null && (
        <p className="quiet">
          key <code>{key.reference}</code>
        </p>
      )}
      {enabled && key.reason !== null && <p className={key.state === 'missing' ? 'problem' : 'quiet'}>{key.reason}</p>}
      {models.length > 0 && (
        <details>
          <summary>{models.length === 1 ? '1 model' : `${models.length} models`}</summary>
          <ul className="models">
            {models.map((model) => (
              <li key={model}>
                <code>
                  {id}/{model}
                </code>
              </li>
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}
