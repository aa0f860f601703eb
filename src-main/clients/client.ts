import type { DocumentFormat, DocumentPath } from '../documents/document.ts';
import type { SetUpChange } from './client-set-up.ts';

/** A program that can be made to use CProxy by changing one file of its settings. */
export interface Client {
  /** As on the command line, and as the name of its token. */
  readonly id: string;
  readonly title: string;
  /** The command that starts it. */
  readonly command: string;
  readonly format: DocumentFormat;
  /** Absolute path of its settings, for whoever runs this. */
  fileOf(env: NodeJS.ProcessEnv): string;
  /** What to write there, and what is worth knowing. Changes nothing. Asked twice where the token is not made yet. */
  plan(facts: SetUpFacts): Promise<ClientPlan>;
}

/** What a user may ask of a set-up. What a client has no use for is reported by its plan. */
export interface SetUpOptions {
  /** Claude Code: the login of the user's own subscription stays. */
  subscription?: boolean;
  model?: string;
  /** Claude Code: models for its three families. */
  opusModel?: string;
  sonnetModel?: string;
  haikuModel?: string;
  acceptEdits?: boolean;
  hints?: boolean;
  discovery?: boolean;
}

export interface SetUpFacts {
  options: SetUpOptions;
  env: NodeJS.ProcessEnv;
  /** Where it was asked for; absolute. */
  cwd: string;
  platform: NodeJS.Platform;
  file: string;
  /** What the file says without an earlier set-up. */
  settings: unknown;
  /** What an earlier set-up has written, in so far as it is to be known where nobody can be asked anew. */
  earlier?: readonly { path: DocumentPath; value: unknown }[];
  /** To be written: such as `http://127.0.0.1:4777`. */
  endpoint: string;
  /** To be written; something to be shown where there is none yet. */
  token: string;
  engine: EngineFacts;
  /** How `cproxy` is called here. */
  command: string;
}

/** What is known of the engine that is, or will be, at the endpoint. */
export interface EngineFacts {
  /** Where requests for a model would go; null: nowhere. `unknown` where no engine runs. */
  leadsTo(model: string): Promise<Lead | null | 'unknown'>;
  /** Models that requests can go to, as `provider-id/model-id`, the preferred first; empty where no engine runs. */
  models: readonly string[];
  /** Ids of the providers that take the client's own login. */
  loginProviders: readonly string[];
}

export interface Lead {
  provider: string;
  model: string;
  /** Tokens; null: not known. */
  contextWindow: number | null;
}

export interface ClientPlan {
  changes: SetUpChange[];
  /** What would win over the set-up, or keep it from working; the user is to see it before agreeing. */
  warnings: string[];
  /** What else is worth knowing. */
  notes: string[];
}
