import type { SpentBudget } from '../../src-shared/budgets.ts';
import type { ClientProtocol } from '../../src-shared/requests.ts';
import type { LocalTime, RoutingFacts } from '../../src-shared/routing.ts';
import { type BudgetState, type RequestClass, weekDays } from '../../src-shared/rules.ts';
import { estimateTokensOfTurns } from '../protocols/estimate-tokens.ts';
import type { OfferedTool } from '../protocols/offered-tools.ts';
import type { Turns } from '../protocols/read-turns.ts';
import type { RequestBody } from '../protocols/request-body.ts';
import { type HeaderFacts, readHeaders } from './header-facts.ts';
import { projectFolder } from './project-folder.ts';
import { type Classified, classify } from './request-class.ts';
import { readThinking, type ThinkingFacts } from './thinking-facts.ts';

/** A request as facts are taken from it. */
export interface FactSource {
  readonly protocol: ClientProtocol;
  readonly body: RequestBody;
  /** Alternating names and values. */
  readonly rawHeaders: readonly string[];
  /** The digest that names the conversation. May decode the body. */
  conversation(): string | null;
  /** The same where it is known without that; else null. */
  conversationIfNamed(): string | null;
  /** The client token it came with, by whose name budgets may go; undefined: it costs nothing, and no budget bears upon it. */
  readonly token: string | null | undefined;
}

/** Whose request it is. */
export interface BudgetWho {
  /** Name of the client token. */
  readonly client: string | null;
  /** May have to read the request. */
  readonly project: () => string | null;
}

/** How budgets bear upon a request. */
export interface BudgetStanding {
  readonly state: BudgetState;
  /** Those that are spent and change where it goes. */
  readonly spent: readonly SpentBudget[];
}

const NO_BUDGETS: BudgetStanding = { state: 'none', spent: [] };

/** What is to be known besides the request itself. */
export interface FactWorld {
  /** Headers that rules ask for, in lower case. */
  readonly headers: ReadonlySet<string>;
  readonly budgets: (who: BudgetWho) => BudgetStanding;
  readonly subscription: () => number | null;
  /** Unix time in ms. */
  readonly now: () => number;
}

/**
 * The facts of a request, each found out when it is first asked for. Its plan keeps them long after it has ended: then `settle`
 * finds out the rest, and lets go of the request.
 */
export class RequestFacts implements RoutingFacts {
  readonly protocol: ClientProtocol;
  readonly model: string;
  readonly stream: boolean;
  readonly #world: FactWorld;
  readonly #arrivedAt: number;
  /** null: it has settled, and all that is to be found out has been. */
  #source: FactSource | null;
  #said: HeaderFacts | undefined;
  #offered: readonly OfferedTool[] | undefined;
  #tools: readonly string[] | undefined;
  #turns: Turns | undefined;
  #inputTokens: number | undefined;
  #maxTokens: number | null | undefined;
  #thinking: ThinkingFacts | undefined;
  #classified: Classified | undefined;
  #project: string | null | undefined;
  #time: LocalTime | undefined;
  #budgets: BudgetStanding | undefined;
  #subscription: number | null | undefined;
  #conversation: string | null | undefined;

  constructor(source: FactSource, world: FactWorld) {
    this.protocol = source.protocol;
    this.model = source.body.model;
    this.stream = source.body.stream;
    this.#source = source;
    this.#world = world;
    this.#arrivedAt = world.now();
  }

  get tools(): readonly string[] {
    this.#tools ??= namesOf(this.#offeredTools);
    return this.#tools;
  }

  get images(): boolean {
    return this.#messages.images > 0;
  }

  get documents(): boolean {
    return this.#messages.documents > 0;
  }

  get thinking(): boolean {
    return this.#thinks.thinking;
  }

  get effort(): string | null {
    return this.#thinks.effort;
  }

  get inputTokens(): number {
    this.#inputTokens ??= estimateTokensOfTurns(this.#request.body.raw.length, this.#messages);
    return this.#inputTokens;
  }

  get maxTokens(): number | null {
    if (this.#maxTokens === undefined) this.#maxTokens = mostTokens(this.#request.body);
    return this.#maxTokens;
  }

  get session(): string | null {
    return this.#headers.session;
  }

  get agent(): string | null {
    return this.#headers.agent;
  }

  get agentType(): string | null {
    return this.#headers.agentType;
  }

  get parentAgent(): string | null {
    return this.#headers.parentAgent;
  }

  get class(): RequestClass {
    return this.#kind.class;
  }

  get classSource(): RoutingFacts['classSource'] {
    return this.#kind.source;
  }

  get project(): string | null {
    if (this.#project === undefined)
      this.#project = this.#headers.project ?? projectFolder(this.#request.body, this.#messages, this.client);
    return this.#project;
  }

  get client(): string | null {
    return this.#headers.client;
  }

  get userAgent(): string | null {
    return this.#headers.userAgent;
  }

  get time(): LocalTime {
    this.#time ??= localTime(this.#arrivedAt);
    return this.#time;
  }

  get budget(): BudgetState {
    return this.#standing.state;
  }

  get spent(): readonly SpentBudget[] {
    return this.#standing.spent;
  }

  get subscription(): number | null {
    if (this.#subscription === undefined) this.#subscription = this.#world.subscription();
    return this.#subscription;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#headers.headers;
  }

  get midTurn(): boolean {
    return this.#messages.midTurn;
  }

  get conversation(): string | null {
    if (this.#conversation === undefined) this.#conversation = this.#request.conversation();
    return this.#conversation;
  }

  /**
   * The request has ended: what is still to be found out is, and the request itself is kept no longer. What would need the whole
   * body decoded stays unknown.
   */
  settle(): void {
    const source = this.#source;
    if (source === null) return;
    if (this.#conversation === undefined) this.#conversation = source.conversationIfNamed();
    this.settled();
    this.#source = null;
  }

  /** All facts as plain values. */
  settled(): RoutingFacts {
    return {
      protocol: this.protocol,
      model: this.model,
      tools: this.tools,
      images: this.images,
      documents: this.documents,
      thinking: this.thinking,
      effort: this.effort,
      inputTokens: this.inputTokens,
      maxTokens: this.maxTokens,
      stream: this.stream,
      session: this.session,
      agent: this.agent,
      agentType: this.agentType,
      parentAgent: this.parentAgent,
      class: this.class,
      classSource: this.classSource,
      project: this.project,
      client: this.client,
      userAgent: this.userAgent,
      time: this.time,
      budget: this.budget,
      ...(this.spent.length === 0 ? {} : { spent: this.spent }),
      subscription: this.subscription,
      headers: this.headers,
      midTurn: this.midTurn,
      conversation: this.conversation,
    };
  }

  get #request(): FactSource {
    if (this.#source === null) throw new Error('a fact was asked for after the request had been let go');
    return this.#source;
  }

  get #standing(): BudgetStanding {
    if (this.#budgets === undefined) {
      const { token: client } = this.#request;
      this.#budgets = client === undefined ? NO_BUDGETS : this.#world.budgets({ client, project: () => this.project });
    }
    return this.#budgets;
  }

  get #headers(): HeaderFacts {
    this.#said ??= readHeaders(this.#request.rawHeaders, this.#world.headers);
    return this.#said;
  }

  get #offeredTools(): readonly OfferedTool[] {
    this.#offered ??= this.#request.body.offeredTools();
    return this.#offered;
  }

  get #messages(): Turns {
    this.#turns ??= this.#request.body.turns();
    return this.#turns;
  }

  get #thinks(): ThinkingFacts {
    this.#thinking ??= readThinking(this.#request.body, this.#messages.outputConfig);
    return this.#thinking;
  }

  get #kind(): Classified {
    this.#classified ??= classify({
      body: this.#request.body,
      headers: this.#headers,
      tools: this.#offeredTools,
      turns: this.#messages,
      thinking: this.thinking,
    });
    return this.#classified;
  }
}

/** Names of each known list of tools, which is the same array each time. */
const names = new WeakMap<readonly OfferedTool[], readonly string[]>();

function namesOf(tools: readonly OfferedTool[]): readonly string[] {
  const known = names.get(tools);
  if (known !== undefined) return known;
  const found = tools.map(({ name }) => name);
  names.set(tools, found);
  return found;
}

/** The limit of the answer, in whichever field its protocol has it. */
function mostTokens(body: RequestBody): number | null {
  for (const field of ['max_tokens', 'max_completion_tokens', 'max_output_tokens'] as const) {
    const value = body.setting(field);
    if (typeof value === 'number') return value;
  }
  return null;
}

/** @param at Unix time in ms. */
export function localTime(at: number): LocalTime {
  const date = new Date(at);
  return { day: weekDays[(date.getDay() + 6) % 7] ?? 'mon', minute: date.getHours() * 60 + date.getMinutes() };
}
