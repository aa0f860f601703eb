import { isSection } from '../overlay.ts';
import { parseSource } from '../source-file.ts';
import { importCcSwitch, importCcSwitchSql, isCcSwitch, isCcSwitchSql } from './cc-switch.ts';
import { importClaudeCodeRouter, isClaudeCodeRouter } from './claude-code-router.ts';
import { importLiteLlm, isLiteLlm } from './litellm.ts';
import type { Imported } from './report.ts';

/** Programs whose configuration can be carried over. */
export const importSources = ['ccr', 'cc-switch', 'litellm'] as const;
export type ImportSource = (typeof importSources)[number];

const readers: Readonly<
  Record<ImportSource, { is(value: unknown): boolean; read(value: unknown, env: NodeJS.ProcessEnv): Imported }>
> = {
  ccr: { is: isClaudeCodeRouter, read: importClaudeCodeRouter },
  'cc-switch': { is: isCcSwitch, read: importCcSwitch },
  litellm: { is: isLiteLlm, read: importLiteLlm },
};

/**
 * Carries the configuration of another program over. Whose it is shows in its shape, unless `from` says.
 * @returns null where it is none of these programs'
 * @throws ConfigError where the text cannot be read, with the line; Error where a dump cannot
 */
export function importConfig(
  text: string,
  { file, env, from }: { file: string; env: NodeJS.ProcessEnv; from?: ImportSource | undefined },
): Imported | null {
  if ((from ?? 'cc-switch') === 'cc-switch' && isCcSwitchSql(text)) return importCcSwitchSql(text, env);
  const { value } = parseSource(file, text.replace(/^\uFEFF/, ''));
  return importValue(value, env, from);
}

/** The same for what is read already. */
export function importValue(value: unknown, env: NodeJS.ProcessEnv, from?: ImportSource): Imported | null {
  if (!isSection(value)) return null;
  const source = from ?? importSources.find((name) => readers[name].is(value));
  return source === undefined ? null : readers[source].read(value, env);
}
