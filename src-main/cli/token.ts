import type { TokenView } from '../../src-shared/control.ts';
import { ensureFolders, resolveFolders } from '../config/folders.ts';
import { acquireLock } from '../config/lock-file.ts';
import { TokenStore } from '../secrets/token-store.ts';
import { withEngine } from './control-client.ts';
import { dayAndTime } from './durations.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { columns, commandName, note, print, printJson } from './output.ts';

/** `cproxy token new NAME`: the token alone on standard output, for `$(…)`. */
export async function newToken(name: string, options: { for?: string; json?: boolean } = {}): Promise<void> {
  const lifetimeMs = options.for === undefined ? undefined : parseLifetime(options.for);
  const trimmed = name.trim();
  if (trimmed === '' || trimmed.length > 64)
    throw new CommandError('A name of 1 to 64 characters is needed.', exitCodes.usage);
  const made = await withTokens((tokens) => tokens.create(trimmed, lifetimeMs));
  if (options.json === true) {
    printJson(made);
    return;
  }
  const { token, id, expiresAt } = made;
  print(token);
  if (expiresAt !== null) note(`It is good until ${dayAndTime(expiresAt)}.`);
  note(`This is the only time it is shown. \`${commandName(process.env)} token revoke ${id}\` makes it useless.`);
}

/** `cproxy token list` */
export async function listTokens({ json }: { json?: boolean } = {}): Promise<void> {
  const tokens = await withTokens((store) => store.list());
  if (json === true) {
    printJson(tokens);
    return;
  }
  if (tokens.length === 0) {
    note(`There are no client tokens. \`${commandName(process.env)} token new NAME\` makes one.`);
    return;
  }
  for (const line of columns([
    ['ID', 'NAME', 'MADE', 'GOOD UNTIL'],
    ...tokens.map(({ id, name, createdAt, expiresAt }) => [
      id,
      name,
      dayAndTime(createdAt).slice(0, 10),
      expiresAt === null ? 'revoked' : dayAndTime(expiresAt),
    ]),
  ]))
    print(line);
}

/** `cproxy token revoke ID` */
export async function revokeToken(id: string, { json }: { json?: boolean } = {}): Promise<void> {
  const revoked = await withTokens((tokens) => tokens.revoke(id));
  if (!revoked)
    throw new CommandError(`No token has the id '${id}'. \`${commandName(process.env)} token list\` shows them.`);
  if (json === true) printJson({ id, revoked });
  else print(`Revoked ${id}.`);
}

/** `90m`, `8h`, `30d`, in ms. @throws CommandError */
export function parseLifetime(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,5})([mhd])$/.exec(text.trim()) ?? [];
  const ms = Number(count) * (unitsMs.get(unit) ?? 0);
  if (ms === 0) throw new CommandError(`'${text}' is no time. Write such as 90m, 8h or 30d.`, exitCodes.usage);
  return ms;
}

const unitsMs = new Map([
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

export interface Tokens {
  list(): Promise<TokenView[]>;
  create(name: string, lifetimeMs: number | undefined): Promise<TokenView & { token: string }>;
  revoke(id: string): Promise<boolean>;
}

/** The running engine's tokens; where none runs, the file's, under the lock so that none starts meanwhile. */
export async function withTokens<T>(action: (tokens: Tokens) => Promise<T>): Promise<T> {
  const folders = resolveFolders(process.env);
  const remote = await withEngine(folders.data, ({ tokens }) =>
    action({
      list: () => tokens.list(),
      create: (name, lifetimeMs) => tokens.create(lifetimeMs === undefined ? { name } : { name, lifetimeMs }),
      revoke: async (id) => (await tokens.revoke({ id })).revoked,
    }),
  );
  if (remote !== null) return remote.result;

  for (const warning of ensureFolders(folders)) note(warning);
  const lock = await acquireLock(folders.data, { host: 'command' });
  try {
    const store = TokenStore.open(folders.data);
    for (const warning of store.warnings) note(warning);
    return await action({
      list: async () => store.list(),
      create: (name, lifetimeMs) => store.create(name, lifetimeMs),
      revoke: (id) => store.revoke(id),
    });
  } finally {
    lock.release();
  }
}
