import { homedir } from 'node:os';
import path from 'node:path';
import { expandHome } from '../config/folders.ts';
import { valueAt } from '../documents/json-values.ts';
import type { Client, ClientPlan, SetUpFacts } from './client.ts';
import type { SetUpChange } from './client-set-up.ts';
import { chooseModel, unusedOptions } from './model-choice.ts';

/**
 * Codex CLI, its IDE extension and its application, by a provider of our own in `config.toml`. The built-in `openai` cannot be
 * led elsewhere there (openai/codex issue 11698). `experimental_bearer_token` needs no variable of the shell, which `env_key`
 * would, and which programs that are started from a desktop do not have.
 * https://developers.openai.com/codex/config-reference, and `codex-rs/model-provider-info` for what each field does.
 */
export const codex: Client = {
  id: 'codex',
  title: 'Codex',
  command: 'codex',
  format: 'toml',
  fileOf: (env) => path.join(codexFolder(env), 'config.toml'),
  plan,
};

function codexFolder(env: NodeJS.ProcessEnv): string {
  const named = env.CODEX_HOME?.trim();
  if (named !== undefined && named !== '') return path.resolve(expandHome(named));
  return path.join(env.HOME ?? env.USERPROFILE ?? homedir(), '.codex');
}

async function plan(facts: SetUpFacts): Promise<ClientPlan> {
  const { options, endpoint, token, settings } = facts;
  const own = valueAt(settings, ['model']);
  const choice = await chooseModel(facts, typeof own === 'string' && own !== '' ? own : null);
  const ofProvider = (name: string, value: string, why: string): SetUpChange => ({
    path: ['model_providers', 'cproxy', name],
    value,
    why,
  });
  const isSet = (name: string): boolean => valueAt(settings, [name]) !== undefined;
  const changes: SetUpChange[] = [
    { path: ['model_provider'], value: 'cproxy', why: 'the provider below' },
    ...(choice.write === null ? [] : [{ path: ['model'], value: choice.write, why: choice.why }]),
    ...(choice.contextWindow === null || isSet('model_context_window')
      ? []
      : [{ path: ['model_context_window'], value: choice.contextWindow, why: 'how much it can read, in tokens' }]),
    ofProvider('name', 'CProxy', 'how it is shown'),
    ofProvider('base_url', `${endpoint}/v1`, 'where CProxy listens'),
    ofProvider('wire_api', 'responses', 'the only dialect that Codex speaks'),
    { ...ofProvider('experimental_bearer_token', token, 'lets it in'), secret: true },
  ];
  const profile = valueAt(settings, ['profile']);
  return {
    changes,
    warnings: [
      ...choice.warnings,
      ...(typeof profile === 'string'
        ? [`${facts.file} chooses the profile ${profile}. Where that names a model_provider of its own, it wins.`]
        : []),
      ...(valueAt(settings, ['model_providers', 'cproxy']) === undefined
        ? []
        : [`${facts.file} has a provider cproxy of your own. Its fields of the same names are replaced until --undo.`]),
    ],
    notes: [...choice.notes, ...unusedOptions(options, 'Codex')],
  };
}
