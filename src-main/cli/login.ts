import { resolveFolders } from '../config/folders.ts';
import { withEngine } from './control-client.ts';
import { notRunning } from './exit-codes.ts';
import { commandName, print, printJson } from './output.ts';

/** `cproxy login`: a code to type into the page, because an address with a secret in it stays in histories and logs. */
export async function login({ json }: { json?: boolean } = {}): Promise<void> {
  const { data } = resolveFolders(process.env);
  const made = await withEngine(data, async (client, endpoint) => ({
    ...(await client.sessions.createLoginCode()),
    endpoint,
  }));
  if (made === null) throw notRunning(commandName(process.env));
  const { code, expiresAt, endpoint } = made.result;
  if (json === true) printJson({ page: `${endpoint}/ui/`, code, expiresAt });
  else print(loginLines(made.result).join('\n'));
}

/** What to do with a login code. */
export function loginLines(login: { endpoint: string; code: string; expiresAt: number }): string[] {
  const minutes = Math.max(1, Math.round((login.expiresAt - Date.now()) / 60_000));
  return [
    `Open ${login.endpoint}/ui/ and enter this code: ${login.code.replace(/^(.{4})(.{4})$/, '$1-$2')}`,
    `It works once, within ${minutes} minute${minutes === 1 ? '' : 's'}.`,
  ];
}
