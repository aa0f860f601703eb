import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { valueAt } from '../documents/json-values.ts';
import type { Client, ClientPlan, SetUpFacts } from './client.ts';
import type { SetUpChange } from './client-set-up.ts';
import { chooseModel, unusedOptions } from './model-choice.ts';
import { SetUpError } from './set-up-error.ts';

/**
 * opencode, by a provider of our own in its global settings: they name each model that it is to offer.
 * https://opencode.ai/docs/config and /docs/providers ("Custom provider").
 */
export const opencode: Client = {
  id: 'opencode',
  title: 'opencode',
  command: 'opencode',
  format: 'json',
  fileOf,
  plan,
};

/** It reads both files, and `.jsonc` last, so that what is there wins. */
function fileOf(env: NodeJS.ProcessEnv): string {
  const named = env.XDG_CONFIG_HOME?.trim();
  const base =
    named === undefined || named === '' ? path.join(env.HOME ?? env.USERPROFILE ?? homedir(), '.config') : named;
  const folder = path.join(path.resolve(base), 'opencode');
  const commented = path.join(folder, 'opencode.jsonc');
  return existsSync(commented) ? commented : path.join(folder, 'opencode.json');
}

async function plan(facts: SetUpFacts): Promise<ClientPlan> {
  const { options, endpoint, token, settings, engine, env, command } = facts;
  const own = valueAt(settings, ['model']);
  const choice = await chooseModel(facts, null);
  const first = choice.write;
  if (first === null)
    throw new SetUpError(
      `opencode is told each model by its name, and which there are is not known before CProxy runs. Start it with \`${command} serve\`, and try this again.`,
    );
  const names = [...new Set([first, ...engine.models])];
  const models = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await modelEntry(name, facts)])),
  );
  const ofProvider = (name: readonly string[], value: unknown, why: string): SetUpChange => ({
    path: ['provider', 'cproxy', ...name],
    value,
    why,
  });
  const changes: SetUpChange[] = [
    ofProvider(['npm'], '@ai-sdk/openai-compatible', 'the dialect: Chat Completions'),
    ofProvider(['name'], 'CProxy', 'how it is shown'),
    ofProvider(['options', 'baseURL'], `${endpoint}/v1`, 'where CProxy listens'),
    { ...ofProvider(['options', 'apiKey'], token, 'lets it in'), secret: true },
    ofProvider(['models'], models, `the ${names.length === 1 ? 'model' : `${names.length} models`} that it offers`),
    ...(options.model !== undefined || own === undefined
      ? [{ path: ['model'], value: `cproxy/${first}`, why: 'the model it begins with' }]
      : []),
  ];
  return {
    changes,
    warnings: [
      ...choice.warnings,
      ...listWarnings(settings, facts.file),
      ...['OPENCODE_CONFIG', 'OPENCODE_CONFIG_CONTENT', 'OPENCODE_CONFIG_DIR']
        .filter((name) => (env[name] ?? '') !== '')
        .map((name) => `The shell sets ${name}: what it names wins over ${facts.file}.`),
    ],
    notes: [
      ...choice.notes,
      ...(own === undefined || options.model !== undefined
        ? []
        : [
            `It begins with ${String(own)}, as before. --model NAME has it begin with one of CProxy; /models offers them all.`,
          ]),
      'Models that providers get later are added when this is run again.',
      ...unusedOptions(options, 'opencode'),
    ],
  };
}

/** Only what is known: it takes a limit whole or not at all. */
async function modelEntry(name: string, { engine }: SetUpFacts): Promise<Record<string, unknown>> {
  const lead = await engine.leadsTo(name);
  const contextWindow = lead === null || lead === 'unknown' ? null : lead.contextWindow;
  return contextWindow === null
    ? { name }
    : { name, limit: { context: contextWindow, output: outputOf(contextWindow) } };
}

/** What it asks for at most and keeps free for the answer; it asks for 32,000 itself where a model can do more. */
const outputOf = (contextWindow: number): number => Math.min(32_000, Math.floor(contextWindow / 4));

function listWarnings(settings: unknown, file: string): string[] {
  const enabled = valueAt(settings, ['enabled_providers']);
  const disabled = valueAt(settings, ['disabled_providers']);
  return [
    ...(Array.isArray(enabled) && !enabled.includes('cproxy')
      ? [`${file} has enabled_providers without cproxy: opencode will not offer it. Add it there.`]
      : []),
    ...(Array.isArray(disabled) && disabled.includes('cproxy')
      ? [`${file} has cproxy in disabled_providers: opencode will not offer it. Take it out there.`]
      : []),
  ];
}
