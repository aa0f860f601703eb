import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { ExportFormat, ExportPage } from '../../src-shared/recording.ts';
import { resolveFolders } from '../config/folders.ts';
import { type ControlClient, withEngine } from './control-client.ts';
import { CommandError, exitCodes, notRunning } from './exit-codes.ts';
import { commandName, note } from './output.ts';
import type { RequestsOptions } from './requests.ts';
import { wholeId } from './whole-id.ts';

export interface ExportOptions extends Omit<RequestsOptions, 'limit' | 'after' | 'json'> {
  format: ExportFormat;
  bodies?: boolean;
  /** Where absent, standard output. */
  output?: string;
}

/** A page with a large body takes a while. */
const PAGE_LIMIT_MS = 60_000;

/**
 * `cproxy export`
 * @param ids or their beginnings; none: all that fit the filters.
 * @returns the exit code
 */
export async function exportRequests(
  ids: readonly string[],
  { format, bodies = false, output, failed, since, ...filter }: ExportOptions,
): Promise<number> {
  if (ids.length > 0 && (failed === true || since !== undefined || Object.keys(filter).length > 0))
    throw new CommandError('Give ids or filters, not both.', exitCodes.usage);
  const query = {
    ...{ format, bodies },
    ...filter,
    ...(failed === true ? { state: 'failed' as const } : {}),
    ...(since === undefined ? {} : { from: since }),
  };
  const asked = await withEngine(
    resolveFolders(process.env).data,
    async (client) => {
      const whole: string[] = [];
      for (const id of ids) whole.push(await wholeId(client, id));
      const pages = pagesOf(client, { ...query, ...(whole.length === 0 ? {} : { ids: whole }) });
      return output === undefined ? await toStandardOutput(pages) : await toFile(output, pages);
    },
    PAGE_LIMIT_MS,
  );
  if (asked === null) throw notRunning(commandName(process.env));
  const { requests, withBodies } = asked.result;
  const told = bodies ? `, ${withBodies} with what was said` : '';
  note(`${requests.toLocaleString('en-US')} request${requests === 1 ? '' : 's'}${told}.`);
  return exitCodes.ok;
}

async function* pagesOf(
  client: ControlClient,
  query: Parameters<ControlClient['recording']['export']>[0],
): AsyncGenerator<ExportPage> {
  let after: string | null = null;
  do {
    const page: ExportPage = await client.recording.export({ ...query, ...(after === null ? {} : { after }) });
    yield page;
    after = page.next;
  } while (after !== null);
}

interface Written {
  requests: number;
  withBodies: number;
}

async function write(pages: AsyncIterable<ExportPage>, put: (text: string) => Promise<void>): Promise<Written> {
  const written = { requests: 0, withBodies: 0 };
  for await (const { text, requests, withBodies } of pages) {
    await put(text);
    written.requests += requests;
    written.withBodies += withBodies;
  }
  return written;
}

const toStandardOutput = (pages: AsyncIterable<ExportPage>): Promise<Written> =>
  write(
    pages,
    (text) =>
      new Promise((resolve, reject) => process.stdout.write(text, (error) => (error ? reject(error) : resolve()))),
  );

/** The file is there once it is whole, and only its owner may read it. */
async function toFile(file: string, pages: AsyncIterable<ExportPage>): Promise<Written> {
  const part = `${file}.part`;
  let handle: FileHandle | null = null;
  try {
    handle = await open(part, 'w', 0o600);
    // One of before may be anybody's.
    await handle.chmod(0o600);
    const to = handle;
    const written = await write(pages, async (text) => {
      await to.appendFile(text);
    });
    await handle.close();
    handle = null;
    await rename(part, file);
    return written;
  } catch (error) {
    await handle?.close();
    await rm(part, { force: true });
    if (error instanceof Error && 'syscall' in error)
      throw new CommandError(`${file} cannot be written: ${error.message}`);
    throw error;
  }
}
