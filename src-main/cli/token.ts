import type { TokenView } from '../../src-shared/control.ts';
import { ensureFolders, resolveFolders } from '../config/folders.ts';
import { acquireLock } from '../config/lock-file.ts';
import { TokenStore } from '../secrets/token-store.ts';
import { withEngine } from './control-client.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { columns, commandName, note, print } from './output.ts';

/** `cproxy token new NAME`: the token alone on standard output, for `$(…)`. */
export async function newToken(name: string): Promise<void> {
  const trimmed = name.trim();
  if (trimmed === '' || trimmed.length > 64)
    throw new CommandError('A name of 1 to 64 characters is needed.', exitCodes.usage);
  const { token, id } = await withTokens((tokens) => tokens.create(trimmed));
  print(token);
  note(`This is the only time it is shown. \`${commandName(process.env)} token revoke ${id}\` makes it useless.`);
}

/** `cproxy token list` */
export async function listTokens(): Promise<void> {
  const tokens = await withTokens((store) => store.list());
  if (tokens.length === 0) {
    note(`There are no client tokens. \`${commandName(process.env)} token new NAME\` makes one.`);
    return;
  }
  for (const line of columns([
    ['ID', 'NAME', 'MADE'],
    ...tokens.map(({ id, name, createdAt }) => [id, name, new Date(createdAt).toISOString().slice(0, 10)]),
  ]))
    print(line);
}

/** `cproxy token revoke ID` */
export async function revokeToken(id: string): Promise<void> {
  const revoked = await withTokens((tokens) => tokens.revoke(id));
  if (!revoked)
    throw new CommandError(`No token has the id '${id}'. \`${commandName(process.env)} token list\` shows them.`);
  print(`Revoked ${id}.`);
}

interface Tokens {
  list(): Promise<TokenView[]>;
  create(name: string): Promise<TokenView & { token: string }>;
  revoke(id: string): Promise<boolean>;
}

/** The running engine's tokens; where none runs, the file's, under the lock so that none starts meanwhile. */
async function withTokens<T>(action: (tokens: Tokens) => Promise<T>): Promise<T> {
  const folders = resolveFolders(process.env);
  const remote = await withEngine(folders.data, ({ tokens }) =>
    action({
      list: () => tokens.list(),
      create: (name) => tokens.create({ name }),
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
      create: (name) => store.create(name),
      revoke: (id) => store.revoke(id),
    });
  } finally {
    lock.release();
  }
}
