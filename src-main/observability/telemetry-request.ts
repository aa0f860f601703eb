import type { AttemptRow, RequestRow } from '../../src-shared/requests.ts';
import type { AttemptContext } from '../pipeline/context.ts';
import { newSpanId, type TraceContext } from './trace-context.ts';

/** A request as telemetry tells of it: its row, and what the row does not have. */
export interface TelemetryRequest {
  readonly row: RequestRow;
  /** null: no traces are sent. */
  readonly trace: TraceContext | null;
  readonly attempts: Map<AttemptRow, TelemetryAttempt>;
}

/** What an attempt's row does not have. */
export interface TelemetryAttempt {
  readonly spanId: string;
  /** Whose format it is, by OpenTelemetry's names. */
  readonly providerName: string;
  /** Where it is; null for one that lives in this process. */
  readonly server: { readonly address: string; readonly port: number } | null;
}

type Provider = AttemptContext['target']['provider'];

export const telemetryAttempt = ({ type, baseUrl }: Provider): TelemetryAttempt => ({
  spanId: newSpanId(),
  providerName: wellKnown[type] ?? type,
  server: baseUrl === null ? null : { address: baseUrl.hostname, port: portOf(baseUrl) },
});

const portOf = ({ port, protocol }: URL): number => (port !== '' ? Number(port) : protocol === 'https:' ? 443 : 80);

/** Types that the conventions have another name for (`gen_ai.provider.name`). */
const wellKnown: Partial<Record<Provider['type'], string>> = {
  gemini: 'gcp.gemini',
  'azure-openai': 'azure.ai.openai',
  mistral: 'mistral_ai',
  xai: 'x_ai',
  kimi: 'moonshot_ai',
  'kimi-cn': 'moonshot_ai',
  'kimi-coding': 'moonshot_ai',
};
