import type { SetUpFacts, SetUpOptions } from './client.ts';
import { SetUpError } from './set-up-error.ts';

export interface ModelChoice {
  /** The model to write down; null where the client's own stays. */
  write: string | null;
  why: string;
  /** Of the model that the client will ask for, in tokens; null: not known. */
  contextWindow: number | null;
  warnings: string[];
  notes: string[];
}

/**
 * The model that a client begins with: the one that was asked for, its own where that leads somewhere, else the first there is.
 * @param own the model that its settings name.
 * @throws SetUpError where the model that was asked for leads nowhere
 */
export async function chooseModel(facts: SetUpFacts, own: string | null): Promise<ModelChoice> {
  const { options, engine, command } = facts;
  const chosen = async (write: string | null, asked: string, why: string): Promise<ModelChoice> => {
    const lead = await engine.leadsTo(asked);
    const contextWindow = lead === null || lead === 'unknown' ? null : lead.contextWindow;
    const isDemo = lead !== null && lead !== 'unknown' && lead.provider === 'demo';
    const notes = isDemo ? ['Only the built-in demo answers so far. Add a provider for real answers.'] : [];
    return { write, why, contextWindow, warnings: [], notes };
  };
  const { model } = options;
  if (model !== undefined) {
    if ((await engine.leadsTo(model)) !== null) return await chosen(model, model, 'the model it begins with');
    const [such] = engine.models;
    throw new SetUpError(
      `The model ${model} leads nowhere.${such === undefined ? '' : ` Such as ${such} would.`} \`${command} simulate --model ${model}\` says why.`,
    );
  }
  const lead = own === null ? null : await engine.leadsTo(own);
  if (own !== null && lead !== null) return { ...(await chosen(null, own, '')), contextWindow: null };
  const [first] = engine.models;
  const usable = first ?? ((await demoAnswers(facts)) ? 'demo/demo' : null);
  if (usable !== null)
    return await chosen(
      usable,
      usable,
      own === null ? 'the model it begins with' : `the model it begins with: ${own} leads nowhere`,
    );
  const warnings = ['Which models there are is not known before CProxy runs, so none is set. --model NAME sets one.'];
  return { write: null, why: '', contextWindow: null, warnings, notes: [] };
}

async function demoAnswers({ engine }: SetUpFacts): Promise<boolean> {
  const lead = await engine.leadsTo('demo/demo');
  return lead !== null && lead !== 'unknown';
}

/** Options that only mean something to Claude Code. */
export function unusedOptions(options: SetUpOptions, title: string): string[] {
  const { subscription, opusModel, sonnetModel, haikuModel, acceptEdits, hints, discovery } = options;
  const named = [
    ...(subscription === true ? ['--subscription'] : []),
    ...(opusModel === undefined ? [] : ['--opus-model']),
    ...(sonnetModel === undefined ? [] : ['--sonnet-model']),
    ...(haikuModel === undefined ? [] : ['--haiku-model']),
    ...(acceptEdits === true ? ['--accept-edits'] : []),
    ...(hints === false ? ['--no-hints'] : []),
    ...(discovery === false ? ['--no-discovery'] : []),
  ];
  return named.length === 0 ? [] : [`${named.join(', ')} mean${named.length === 1 ? 's' : ''} nothing to ${title}.`];
}
