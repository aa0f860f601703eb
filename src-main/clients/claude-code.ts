import { homedir } from 'node:os';
import path from 'node:path';
import { expandHome } from '../config/folders.ts';
import { valueAt } from '../documents/json-values.ts';
import type { Client, ClientPlan, EngineFacts, Lead, SetUpFacts } from './client.ts';
import type { SetUpChange } from './client-set-up.ts';
import { findOverridingSettings } from './overriding-settings.ts';
import { SetUpError } from './set-up-error.ts';

/**
 * Claude Code, by the `env` block of its user settings, which is enough and wins over the shell.
 * https://code.claude.com/docs/en/settings and /env-vars; what the variables do was seen with version 2.1.330.
 */
export const claudeCode: Client = {
  id: 'claude-code',
  title: 'Claude Code',
  command: 'claude',
  format: 'json',
  fileOf: (env) => path.join(claudeFolder(env), 'settings.json'),
  plan,
};

/** The header that carries our token where `Authorization` carries the user's own login. */
export const TOKEN_HEADER = 'x-cproxy-token';

/** Where Claude Code keeps its user settings. */
export function claudeFolder(env: NodeJS.ProcessEnv): string {
  const named = env.CLAUDE_CONFIG_DIR?.trim();
  if (named !== undefined && named !== '') return path.resolve(expandHome(named));
  const home = env.HOME ?? env.USERPROFILE ?? '';
  return path.join(home === '' ? homedir() : home, '.claude');
}

/** Its model families: the variable that names one's model, and what it asks for without. */
const tiers = [
  { option: 'opusModel', name: 'opus', variable: 'ANTHROPIC_DEFAULT_OPUS_MODEL', asksFor: 'claude-opus-5-5' },
  { option: 'sonnetModel', name: 'sonnet', variable: 'ANTHROPIC_DEFAULT_SONNET_MODEL', asksFor: 'claude-sonnet-5-5' },
  { option: 'haikuModel', name: 'haiku', variable: 'ANTHROPIC_DEFAULT_HAIKU_MODEL', asksFor: 'claude-haiku-5-5' },
] as const;

/** What it takes the window of every model to be that it does not know, in tokens. */
const ASSUMED_WINDOW = 1_000_000;
/** The least that CLAUDE_CODE_AUTO_COMPACT_WINDOW has an effect with, in tokens. */
const LEAST_COMPACT_WINDOW = 100_000;

const MODEL_VARIABLES: ReadonlySet<string> = new Set([
  ...tiers.map(({ variable }) => variable),
  'CLAUDE_CODE_MAX_CONTEXT_TOKENS',
  'CLAUDE_CODE_DISABLE_1M_CONTEXT',
  'CLAUDE_CODE_AUTO_COMPACT_WINDOW',
]);

async function plan(facts: SetUpFacts): Promise<ClientPlan> {
  const { options, endpoint, token, engine } = facts;
  const subscription = options.subscription === true;
  if (subscription) refuseWithoutLogin(facts);
  const models = await planModels(facts);
  const changes: SetUpChange[] = [
    inEnv('ANTHROPIC_BASE_URL', endpoint, 'where CProxy listens'),
    subscription
      ? {
          path: ['env', 'ANTHROPIC_CUSTOM_HEADERS'],
          value: `${TOKEN_HEADER}: ${token}`,
          line: `${TOKEN_HEADER}:`,
          secret: true,
          why: 'lets it in, beside your own login',
        }
      : { ...inEnv('ANTHROPIC_AUTH_TOKEN', token, 'lets it in'), secret: true },
    ...(options.hints === false
      ? []
      : [inEnv('CLAUDE_CODE_GATEWAY_HINT_HEADERS', '1', 'tells what kind of request each is, for rules')]),
    ...(options.discovery === false
      ? []
      : [inEnv('CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY', '1', 'lists what CProxy routes in /model')]),
    ...models.changes,
    ...(options.acceptEdits === true
      ? [
          {
            path: ['permissions', 'defaultMode'],
            value: 'acceptEdits',
            why: 'edits without asking, instead of auto mode',
          },
        ]
      : []),
  ];
  const overriding = await findOverridingSettings({
    names: changes.flatMap(({ path: [section, name] }) => (section === 'env' ? [String(name)] : [])),
    subscription,
    setsMode: options.acceptEdits === true,
    ...{ endpoint, file: facts.file, env: facts.env, cwd: facts.cwd, platform: facts.platform },
  });
  const mode = valueAt(facts.settings, ['permissions', 'defaultMode']);
  return {
    changes,
    warnings: [...overriding, ...models.warnings, ...(await otherLogin(facts, engine))],
    notes: [
      ...models.notes,
      ...(options.acceptEdits === true || (typeof mode === 'string' && mode !== 'auto')
        ? []
        : [
            'Claude Code starts in auto mode, whose checks only Anthropic itself answers: with models of others it stops and asks at the first risky command. --accept-edits sets another mode.',
          ]),
    ],
  };
}

const inEnv = (name: string, value: string, why: string): SetUpChange => ({ path: ['env', name], value, why });

function refuseWithoutLogin({ engine, command }: SetUpFacts): void {
  if (engine.loginProviders.length > 0) return;
  throw new SetUpError(
    [
      'No provider takes your own Claude login on. Add one to the configuration and try again:',
      '',
      '  providers:',
      '    - { id: anthropic, type: anthropic, key: client }',
      '',
      `\`${command} config path\` says where the file is.`,
    ].join('\n'),
  );
}

/** With a subscription, requests that go elsewhere than to Anthropic do not use it. */
async function otherLogin({ options, command }: SetUpFacts, engine: EngineFacts): Promise<string[]> {
  if (options.subscription !== true) return [];
  const [opus] = tiers;
  const lead = await engine.leadsTo(options.model ?? options.opusModel ?? opus.asksFor);
  if (lead === null || lead === 'unknown' || engine.loginProviders.includes(lead.provider)) return [];
  return [
    `Requests for ${opus.asksFor} go to ${lead.provider}/${lead.model}, which does not use your login. \`${command} simulate --model ${opus.asksFor}\` says why.`,
  ];
}

/** A model as Claude Code will ask for it, and where that leads. */
interface NamedLead {
  name: string;
  lead: Lead;
}

/** Names that lead somewhere, and how much room there is. */
async function planModels({ options, engine, settings, earlier, command }: SetUpFacts): Promise<ClientPlan> {
  const changes: SetUpChange[] = [];
  const warnings: string[] = [];
  const used: NamedLead[] = [];
  const [preferred] = engine.models;

  /** Notes where a name leads. @returns the name to write, which is another where only that makes its small window known */
  const take = (name: string, lead: Lead | 'unknown'): string => {
    if (lead === 'unknown') return name;
    const target = `${lead.provider}/${lead.model}`;
    const isTooSmall = isKnown(name) && !isKnown(lead.model) && (lead.contextWindow ?? Infinity) < LEAST_COMPACT_WINDOW;
    const written = isTooSmall ? target : name;
    used.push({ name: written, lead });
    return written;
  };
  const takeAsked = async (name: string): Promise<string> => {
    const lead = await engine.leadsTo(name);
    if (lead !== null) return take(name, lead);
    const such = preferred === undefined ? '' : ` ${preferred} would not.`;
    throw new SetUpError(`The model ${name} leads nowhere.${such} \`${command} simulate --model ${name}\` says why.`);
  };

  if (options.model !== undefined)
    changes.push(inEnv('ANTHROPIC_MODEL', await takeAsked(options.model), 'the model it begins with'));
  const nowhere: string[] = [];
  for (const { option, name, variable, asksFor } of tiers) {
    const asked = options[option];
    if (asked !== undefined) {
      changes.push(inEnv(variable, await takeAsked(asked), `what it calls ${name}`));
      continue;
    }
    const own = valueAt(settings, ['env', variable]);
    const present = typeof own === 'string' && own !== '' ? own : asksFor;
    const lead = await engine.leadsTo(present);
    const instead = lead === null && preferred !== undefined ? await engine.leadsTo(preferred) : null;
    if (lead !== null) {
      const written = take(present, lead);
      if (written !== present)
        changes.push(inEnv(variable, written, `where ${present} leads; only so does it know the small window`));
    } else if (preferred === undefined || instead === null) nowhere.push(present);
    else changes.push(inEnv(variable, take(preferred, instead), `what it calls ${name}, as ${present} leads nowhere`));
  }
  if (nowhere.length > 0)
    warnings.push(
      `${nowhere.join(', ')}: leads nowhere, and there is no other model. Add a provider, then run this again.`,
    );
  warnings.push(...(await ownModelLeadsNowhere({ options, engine, settings })));
  const notes = used.some(({ lead }) => lead.provider === 'demo')
    ? ['Only the built-in demo answers so far. Add a provider for real answers.']
    : [];
  const nobodyToAsk = (await engine.leadsTo(tiers[0].asksFor)) === 'unknown';
  const automatic = nobodyToAsk ? earlierModels(earlier, changes) : windowChanges(used, settings);
  return { changes: [...changes, ...automatic], warnings, notes };
}

/** Where no engine can be asked, what one said before holds. */
function earlierModels(earlier: SetUpFacts['earlier'], changes: readonly SetUpChange[]): SetUpChange[] {
  return (earlier ?? [])
    .filter(({ path: [section, name] }) => section === 'env' && MODEL_VARIABLES.has(String(name)))
    .filter(({ path }) => !changes.some((change) => change.path.join('.') === path.join('.')))
    .map(({ path, value }) => ({ path, value, why: 'as before' }));
}

/**
 * How much room there is, where Claude Code would take it to be more. Seen with 2.1.330: for names that it does not know,
 * CLAUDE_CODE_MAX_CONTEXT_TOKENS counts, except where they stand for opus, which becomes a `[1m]` model unless
 * CLAUDE_CODE_DISABLE_1M_CONTEXT is set. For names of Claude's models only CLAUDE_CODE_AUTO_COMPACT_WINDOW counts.
 */
function windowChanges(used: readonly NamedLead[], settings: unknown): SetUpChange[] {
  // The windows of Claude's own models it knows itself.
  const others = used.filter(({ lead }) => !isKnown(lead.model));
  const smallest = (known: boolean): number =>
    Math.min(...others.filter(({ name }) => isKnown(name) === known).flatMap(({ lead }) => lead.contextWindow ?? []));
  const [unknown, known] = [smallest(false), smallest(true)];
  return [
    ...limit('CLAUDE_CODE_MAX_CONTEXT_TOKENS', unknown, settings),
    ...(unknown < ASSUMED_WINDOW
      ? [inEnv('CLAUDE_CODE_DISABLE_1M_CONTEXT', '1', 'has it go by that for opus, too')]
      : []),
    ...limit('CLAUDE_CODE_AUTO_COMPACT_WINDOW', known, settings),
  ];
}

/** A limit that the user has set lower stays. */
function limit(variable: string, tokens: number, settings: unknown): SetUpChange[] {
  const own = Number(valueAt(settings, ['env', variable]) ?? Infinity);
  if (tokens >= ASSUMED_WINDOW || (own > 0 && own <= tokens)) return [];
  return [inEnv(variable, String(tokens), 'the smallest window of the models it asks for')];
}

/** Whether Claude Code knows a model by its name. */
const isKnown = (model: string): boolean => /claude/i.test(model);

/** The model that the user's own settings name, where it is not one of Claude Code's short names. */
async function ownModelLeadsNowhere({
  options,
  engine,
  settings,
}: Pick<SetUpFacts, 'options' | 'engine' | 'settings'>): Promise<string[]> {
  if (options.model !== undefined) return [];
  const own = valueAt(settings, ['env', 'ANTHROPIC_MODEL']) ?? valueAt(settings, ['model']);
  if (typeof own !== 'string' || own === '' || SHORT_NAME.test(own)) return [];
  return (await engine.leadsTo(own)) === null
    ? [`Your settings name the model ${own}, which leads nowhere. --model NAME sets another.`]
    : [];
}

const SHORT_NAME = /^(default|best|opus|sonnet|haiku|fable|opusplan)(\[1m\])?$/i;
