import { claudeCode } from '../clients/claude-code.ts';
import { findSetUps, type SetUpView } from '../clients/client-set-up.ts';
import { findOverridingSettings } from '../clients/overriding-settings.ts';
import { type WslFacts, wslWarnings } from '../clients/wsl.ts';
import type { Folders } from '../config/folders.ts';
import { amber, type Check, green } from '../doctor/check.ts';
import { shellChecks } from '../doctor/shell-variables.ts';

interface ClientSurroundings {
  env: NodeJS.ProcessEnv;
  folders: Folders;
  cwd: string;
  wsl: WslFacts;
  command: string;
  /** Of the running engine; null where none runs. */
  endpoint: string | null;
  /** Ids of the client tokens that open it; null where none is needed, or they are not known. */
  tokenIds: readonly string[] | null;
}

/** Whether the clients that were set up are still led to CProxy, and what is in the way of Claude Code. */
export async function clientChecks(around: ClientSurroundings): Promise<Check[]> {
  const { env, folders, cwd, wsl, command, endpoint } = around;
  const setUps = await findSetUps(folders);
  const claude = setUps.find(({ client }) => client === claudeCode.id);
  const overriding =
    claude === undefined
      ? []
      : await findOverridingSettings({
          names: ['ANTHROPIC_BASE_URL'],
          // A key there belongs to a provider of CProxy, and does no harm.
          env: { ...env, ANTHROPIC_API_KEY: undefined },
          subscription: claude.tokenIds.length === 0,
          setsMode: false,
          endpoint: claude.endpoint,
          file: claude.file,
          cwd,
          platform: wsl.platform,
        });
  const behind = (setUps.length === 0 ? [{ file: null, endpoint }] : setUps).flatMap(({ file, endpoint: leadsTo }) =>
    wslWarnings({
      ...wsl,
      engineRunsHere: endpoint !== null,
      clientFile: file,
      endpoint: leadsTo ?? 'its usual address',
    }),
  );
  return [
    ...(setUps.length === 0
      ? [green('set-ups', `No client has been set up. \`${command} setup claude-code\` does that, and can be undone.`)]
      : setUps.map((setUp) => setUpCheck(setUp, around))),
    ...overriding.map((words) => amber(claudeCode.id, words)),
    ...[...new Set(behind)].map((words) => amber('WSL', words)),
    // Settings win over the shell.
    ...shellChecks(claude === undefined ? env : { ...env, ANTHROPIC_BASE_URL: undefined }, endpoint),
  ];
}

/** How one set-up stands. */
export function setUpCheck(
  { client, file, state, endpoint: leadsTo, tokenIds: own }: SetUpView,
  { command, endpoint, tokenIds }: Pick<ClientSurroundings, 'command' | 'endpoint' | 'tokenIds'>,
): Check {
  const again = `\`${command} setup ${client}\` sets it up anew`;
  if (state === 'missing')
    return amber(client, `Nothing of its set-up is in ${file} any more.`, `${again}; with --undo it is forgotten.`);
  if (endpoint !== null && leadsTo !== endpoint)
    return amber(client, `${file} leads it to ${leadsTo}, and CProxy is at ${endpoint}.`, `${again}.`);
  if (tokenIds !== null && own.length > 0 && !own.some((id) => tokenIds.includes(id)))
    return amber(client, `The token in ${file} has been revoked, or is over.`, `${again}, with a new one.`);
  return state === 'changed'
    ? amber(client, `${file} has been changed since it was set up.`, `If it does not work, ${again}.`)
    : green(client, `${file} leads it to ${leadsTo}.`);
}
