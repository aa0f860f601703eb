import { useState } from 'react';
import type { EngineStatus } from '../../src-shared/control.ts';
import type { Link } from '../bridge/bridge.ts';
import { logOut, messageOf } from '../stores/engine-store.ts';
import { formatDuration, formatMegabytes } from './format.ts';
import { StateLabel, type Tone } from './state-label.tsx';

const engineStates: Record<EngineStatus['state'], { tone: Tone; text: string }> = {
  starting: { tone: 'busy', text: 'Starting' },
  running: { tone: 'good', text: 'Running' },
  draining: { tone: 'warn', text: 'Shutting down' },
  stopped: { tone: 'bad', text: 'Stopped' },
};

export function PageHeader({ link, status, failing }: { link: Link; status: EngineStatus | null; failing: boolean }) {
  const [problem, setProblem] = useState<string | null>(null);
  const state = stateOf(link, status, failing);
  return (
    <header className="page-header">
      <h1>CProxy</h1>
      <div role="status">
        <StateLabel tone={state.tone}>{state.text}</StateLabel>
      </div>
      {status !== null && link.state === 'connected' && (
        <p className="facts">
          <span>version {status.version}</span>
          <span>up {formatDuration(Date.now() - status.startedAt)}</span>
          <span>{formatMegabytes(status.memoryBytes)}</span>
          <span>process {status.pid}</span>
        </p>
      )}
      {link.state === 'connected' && link.transport === 'websocket' && (
        <button
          type="button"
          className="plain"
          onClick={() => logOut().catch((error: unknown) => setProblem(messageOf(error)))}
        >
          Log out
        </button>
      )}
      {problem !== null && (
        <p role="alert" className="problem">
          Not logged out: {problem}
        </p>
      )}
    </header>
  );
}

function stateOf(link: Link, status: EngineStatus | null, failing: boolean): { tone: Tone; text: string } {
  if (link.state === 'disconnected') return { tone: 'bad', text: 'Not connected' };
  if (link.state === 'signed-out') return { tone: 'warn', text: 'Logged out' };
  if (failing) return { tone: 'bad', text: 'State unknown' };
  if (status === null || link.state === 'connecting') return { tone: 'busy', text: 'Connecting' };
  return engineStates[status.state];
}
