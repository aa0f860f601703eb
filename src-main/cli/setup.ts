import type { Client, ClientPlan, SetUpOptions } from '../clients/client.ts';
import {
  commitSetUp,
  commitUndo,
  type KeptPlace,
  type PreparedSetUp,
  type PreparedUndo,
  prepareSetUp,
  prepareUndo,
  settingsWithout,
} from '../clients/client-set-up.ts';
import { clients } from '../clients/clients.ts';
import { type SetUpEntry, SetUpLedger } from '../clients/set-up-ledger.ts';
import { unsupported } from '../clients/unsupported.ts';
import { wslWarnings } from '../clients/wsl.ts';
import { ensureFolders, type Folders, resolveFolders } from '../config/folders.ts';
import { ask } from './ask.ts';
import { confirmClient } from './confirm-client.ts';
import { findEngine } from './engine-facts.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { commandName, note, noteSentence, print, printJson, styled, wrapped } from './output.ts';
import { withTokens } from './token.ts';
import { wslFacts } from './wsl-facts.ts';

interface Options extends SetUpOptions {
  dryRun?: boolean;
  undo?: boolean;
  yes?: boolean;
  wait?: boolean;
  json?: boolean;
  config?: string;
  env?: string;
}

/** Stands in the plan while there is no token yet; a dry run makes none. */
const NO_TOKEN = { id: '', value: '(a new token)' };

/**
 * `cproxy setup CLIENT`
 * @returns the exit code
 */
export async function setUpClient(name: string, options: Options): Promise<number> {
  const client = clients.find(({ id }) => id === name);
  if (client === undefined)
    throw new CommandError(
      unsupported.get(name) ??
        `'${name}' is no client that can be set up. There are ${clients.map(({ id }) => id).join(', ')}.`,
      exitCodes.usage,
    );
  const folders = resolveFolders(process.env);
  for (const warning of ensureFolders(folders)) note(warning);
  if (options.undo !== true) return await setUp(client, folders, options);
  await takeBack(client, folders, options);
  return exitCodes.ok;
}

async function setUp(client: Client, folders: Folders, options: Options): Promise<number> {
  const ledger = new SetUpLedger(folders.data);
  const file = client.fileOf(process.env);
  const earlier = await ledger.find(client.id, file);
  const engine = await findEngine(folders, options);
  const settings = await settingsWithout({ file, format: client.format }, earlier);
  const kept = await usableToken(earlier);
  const asked = { ...earlier?.options, ...askedOptions(options) };
  const { env, platform } = process;
  const { endpoint, facts } = engine;
  const prepare = async (token: { id: string; value: string }): Promise<[ClientPlan, PreparedSetUp]> => {
    const plan = await client.plan({
      ...{ options: asked, env, platform, cwd: process.cwd(), command: commandName(env) },
      ...{ file, settings, endpoint, token: token.value, engine: facts },
      earlier: (earlier?.places ?? []).map(({ path, ours }) => ({ path, value: ours[0] })),
    });
    const prepared = await prepareSetUp({
      ...{ client: client.id, format: client.format, file, changes: plan.changes },
      ...{ endpoint, options: asked, token, earlier, now: Date.now() },
    });
    const border = wslWarnings({ ...wslFacts(env), engineRunsHere: engine.running, clientFile: file, endpoint });
    return [{ ...plan, warnings: [...border, ...plan.warnings] }, prepared];
  };

  const [plan, shown] = await prepare(kept ?? NO_TOKEN);
  const told = { client, plan, shown, endpoint, options };
  if (options.json !== true) tellPlan(told);
  if (options.dryRun === true || shown.state === 'same') {
    tellResult(told, shown.state === 'same' ? 'in place already' : 'not written: this was a dry run');
    return exitCodes.ok;
  }
  if (options.yes !== true && !(await ask(`Write this to ${file}?`))) throw new CommandError('Nothing was changed.');

  const made = kept === null ? await withTokens((tokens) => tokens.create(client.id, undefined)) : null;
  let prepared: PreparedSetUp;
  try {
    // The file is read again: it may have been changed while the user was reading.
    [, prepared] = await prepare(made === null ? (kept ?? NO_TOKEN) : { id: made.id, value: made.token });
    await commitSetUp(prepared, ledger);
  } catch (error) {
    if (made !== null) await revoke([made.id]);
    throw error;
  }
  await revokeSpent(prepared.spentTokens);
  tellResult(told, 'written');
  if (options.json === true) return exitCodes.ok;
  warnOfReaders(prepared);
  note(`\`${commandName(process.env)} setup ${client.id} --undo\` takes all of this back.`);
  const isWatched = process.stdin.isTTY === true && process.stdout.isTTY === true;
  if (engine.running && isWatched && options.wait !== false) return await confirmClient(client, folders, Date.now());
  if (!engine.running) noteSentence(`CProxy is not running. \`${commandName(process.env)} serve\` starts it.`);
  noteSentence(`Start ${client.title} anew (\`${client.command}\`): it reads its settings when it starts.`);
  return exitCodes.ok;
}

/** What was asked of the client's settings, without what is about this one call. */
function askedOptions(options: Options): Record<string, string | boolean> {
  const { dryRun, undo, yes, wait, json, config, env, ...asked } = options;
  return asked;
}

/** The token of an earlier set-up, where it still opens anything. */
async function usableToken(earlier: SetUpEntry | null): Promise<{ id: string; value: string } | null> {
  if (earlier === null || earlier.tokens.length === 0) return null;
  const listed = await withTokens((tokens) => tokens.list());
  return earlier.tokens.find(({ id }) => listed.some((token) => token.id === id)) ?? null;
}

async function revoke(ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await withTokens(async (tokens) => {
    for (const id of ids) await tokens.revoke(id);
  });
}

/** The set-up is made by then, so that it has not failed where this does. */
async function revokeSpent(ids: readonly string[]): Promise<void> {
  try {
    await revoke(ids);
  } catch (error) {
    const command = `${commandName(process.env)} token revoke`;
    for (const id of ids)
      note(`The earlier token ${id} is still good (${(error as Error).message}). \`${command} ${id}\``);
  }
}

interface Told {
  client: Client;
  plan: ClientPlan;
  shown: PreparedSetUp;
  endpoint: string;
  options: Options;
}

function tellPlan({ client, plan, shown }: Told): void {
  const said = (text: string): void => {
    for (const line of wrapped(text, process.stderr.columns ?? 80, '  ')) note(line);
  };
  if (plan.warnings.length > 0) note('Worth knowing before:');
  for (const warning of plan.warnings) said(warning);
  if (plan.notes.length > 0) note('Notes:');
  for (const text of plan.notes) said(text);
  if (shown.diff === '') return;
  note(`What ${client.title} gets:`);
  for (const { path, why } of plan.changes) said(`${path.join('.')}: ${why}`);
  printDiff(shown.diff);
}

function tellResult({ client, plan, shown, endpoint, options }: Told, outcome: string): void {
  const { file } = shown.read;
  if (options.json === true) {
    const { warnings, notes } = plan;
    const changes = plan.changes.map(({ path, why }) => ({ path: path.join('.'), why }));
    const state = outcome === 'written' ? shown.state : outcome === 'in place already' ? 'same' : 'planned';
    printJson({ client: client.id, file, endpoint, state, changes, warnings, notes, diff: shown.diff });
    return;
  }
  print(`${client.title} → ${endpoint}: ${outcome} (${file}).`);
}

function printDiff(diff: string): void {
  for (const line of diff.trimEnd().split('\n')) {
    if (/^(---|\+\+\+) /.test(line)) print(styled('bold', line));
    else if (line.startsWith('+')) print(styled('green', line));
    else print(line.startsWith('-') ? styled('red', line) : line);
  }
}

/** The file holds a token from now on; its permissions are the user's to choose. */
function warnOfReaders({ read, entry }: PreparedSetUp): void {
  if (entry.tokens.length === 0 || process.platform === 'win32' || ((read.mode ?? 0) & 0o077) === 0) return;
  noteSentence(
    `${read.file} holds a client token now, and other users of this machine can read it: chmod 600 closes it.`,
  );
}

async function takeBack(client: Client, folders: Folders, options: Options): Promise<void> {
  const ledger = new SetUpLedger(folders.data);
  const file = client.fileOf(process.env);
  const all = (await ledger.list()).filter((entry) => entry.client === client.id);
  const here = all.filter((entry) => entry.file === file);
  const entries = here.length > 0 ? here : all;
  if (entries.length === 0) {
    if (options.json === true) printJson({ client: client.id, undone: [] });
    else print(`There is no set-up of ${client.title} to take back. Nothing was changed.`);
    return;
  }
  const undone: unknown[] = [];
  for (const entry of entries) undone.push(await takeOneBack(client, entry, ledger, options));
  if (options.json === true) printJson({ client: client.id, undone });
}

async function takeOneBack(client: Client, entry: SetUpEntry, ledger: SetUpLedger, options: Options): Promise<unknown> {
  const prepared = await prepareUndo(entry);
  const { file } = entry;
  const result = { file, dryRun: options.dryRun === true, diff: prepared.diff, kept: keptWords(prepared.kept) };
  if (options.json !== true) tellUndo(prepared, result.kept);
  if (options.dryRun === true) {
    if (options.json !== true) print(`${client.title}: nothing was changed: this was a dry run (${file}).`);
    return result;
  }
  if (prepared.diff !== '' && options.yes !== true && !(await ask(`Write this to ${file}?`)))
    throw new CommandError('Nothing was changed.');
  await ledger.exclusively(async () => {
    await commitUndo(prepared);
    await revoke(entry.tokens.map(({ id }) => id));
    await ledger.remove(entry);
  });
  if (options.json !== true) {
    const revoked = entry.tokens.length === 0 ? '' : ' Its token opens nothing any more.';
    print(`${client.title}: the set-up is taken back (${file}).${revoked}`);
  }
  return result;
}

function tellUndo({ read, diff }: PreparedUndo, kept: readonly string[]): void {
  if (read.text === null)
    noteSentence(
      `${read.file} is not there any more. Where it was moved to, take out by hand what is left of the set-up.`,
    );
  if (diff !== '') printDiff(diff);
  for (const line of kept) note(line);
}

const keptWords = (kept: readonly KeptPlace[]): string[] =>
  kept.map(({ path, state }) =>
    state === 'changed'
      ? `${path.join('.')} was changed since the set-up and stays as it is.`
      : `${path.join('.')} was removed since the set-up and stays away.`,
  );
