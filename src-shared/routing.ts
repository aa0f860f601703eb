import type { SpentBudget } from './budgets.ts';
import type { ClientProtocol, RequestRow, TraceStep } from './requests.ts';
import type { BudgetState, Changes, Naming, RequestClass, Strategy, Tier, WeekDay } from './rules.ts';

/**
 * What rules look at. Computed once for a request, kept with its trace, and enough to route it again in the simulator. Holds
 * nothing of what was said.
 */
export interface RoutingFacts {
  readonly protocol: ClientProtocol;
  /** As asked for. */
  readonly model: string;
  readonly tools: readonly string[];
  readonly images: boolean;
  readonly documents: boolean;
  readonly thinking: boolean;
  readonly effort: string | null;
  /** Estimate. */
  readonly inputTokens: number;
  readonly maxTokens: number | null;
  readonly stream: boolean;
  readonly session: string | null;
  readonly agent: string | null;
  readonly agentType: string | null;
  readonly parentAgent: string | null;
  readonly class: RequestClass;
  /** How the class is known: the client says so, or it was inferred, and from what; `given` for a request made by hand. */
  readonly classSource: { readonly from: 'header' | 'inferred' | 'given'; readonly why: string };
  readonly project: string | null;
  /** The program, such as `claude-code`; null: not known. */
  readonly client: string | null;
  readonly userAgent: string | null;
  readonly time: LocalTime;
  readonly budget: BudgetState;
  /** Budgets that are spent, and change where it goes; absent: none. */
  readonly spent?: readonly SpentBudget[];
  /** 0 to 1; null: nobody has said. */
  readonly subscription: number | null;
  /** Those that rules ask for, by names in lower case; of others with x- only that they are there (''). */
  readonly headers: Readonly<Record<string, string>>;
  /** The conversation goes on with results of tools, so that a model is in the middle of its turn. */
  readonly midTurn: boolean;
  /** Digest that names the conversation; null where nothing needed it. */
  readonly conversation: string | null;
}

export interface LocalTime {
  readonly day: WeekDay;
  /** Of the day, 0 to 1439. */
  readonly minute: number;
}

/** What has become of one rule. */
export interface RuleView {
  id: string;
  name: string | null;
  /** `ready-made`: of routing.routes. */
  source: 'rule' | 'ready-made';
  outcome: 'matched' | 'not-matched' | 'off' | 'not-reached';
  /** Why it has not matched, or what of it has; null where there is nothing to say. */
  why: string | null;
}

export type CandidatePlace = 'target' | 'fallback' | 'reserve' | 'content-policy' | 'skipped';

/** One target that a request could go to. */
export interface CandidateView {
  provider: string;
  model: string;
  place: CandidatePlace;
  /** Its place in the order in which targets are tried, from 1; null for one that is not tried. */
  order: number | null;
  /** By the strategy; null where that gives none. */
  score: number | null;
  /** What the score is made of, or why it was skipped or put behind. */
  why: string | null;
}

/** How a request was routed, or would be. */
export interface RouteView {
  facts: RoutingFacts;
  /** How the asked name was understood. */
  naming: { as: Naming; alias: string | null; tier: Tier | null; steps: string[] };
  rules: RuleView[];
  /** As in `x-cproxy-route`. */
  route: string;
  strategy: { name: Strategy; why: string };
  affinity: string | null;
  /** What the rule changes. */
  changes: Changes | null;
  candidates: CandidateView[];
  /** Why there is nowhere to go; null where there is. */
  problem: string | null;
}

/** All there is to say of one request. */
export interface ExplanationView {
  request: RequestRow;
  /** null: it was refused before it was routed. */
  route: RouteView | null;
  /** What happened after it was routed, besides the attempts; all of it is in the row's trace as well. */
  steps: TraceStep[];
}

export type CircuitState = 'closed' | 'open' | 'half-open';

/** A target that is left alone after it failed too often. */
export interface CircuitView {
  provider: string;
  /** null: the whole provider, which could not be reached. */
  model: string | null;
  state: CircuitState;
  /** What it failed with last. */
  reason: string;
  failures: number;
  /** Unix time in ms. */
  since: number;
  /** Unix time in ms at which it is tried again; null where that is now. */
  until: number | null;
}

/** The rules in force, and what has an influence on where requests go. */
export interface RoutingView {
  rules: {
    id: string;
    name: string | null;
    source: RuleView['source'];
    enabled: boolean;
  }[];
  /** For a model that several providers have. */
  strategy: Strategy;
  failover: boolean;
  /** Those that are not closed. */
  circuits: CircuitView[];
  warnings: string[];
}

/** Where a request goes first. */
export interface Destination {
  /** As in `x-cproxy-route`. */
  route: string;
  /** `provider-id/model-id`; null: nowhere. */
  target: string | null;
  changes: Changes | null;
}

/** What the simulator has found for one request. */
export interface SimulationView {
  /** Id of the logged request; null for one made by hand. */
  request: string | null;
  class: RequestClass;
  /** As asked for. */
  model: string;
  to: Destination;
  /**
   * Where it went, for a logged request; where edited rules are tried, where it would go by those in force. null for a request
   * made by hand and tried with the rules in force.
   */
  before: Destination | null;
  /** Whether it would go elsewhere than before, or be changed otherwise. */
  differs: boolean;
  /** What is not known of the request although a rule asks for it, in words. */
  unknown: string[];
  /** Why; null where the newest of many are tried. */
  explanation: RouteView | null;
}

export interface SimulationsView {
  /** Newest first. */
  results: SimulationView[];
  /** What else of an edited configuration is not tried, in words. */
  notes: string[];
}
