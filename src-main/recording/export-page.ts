import type { RequestPage, RequestQuery } from '../../src-shared/history.ts';
import { mapTexts } from '../../src-shared/map-texts.ts';
import type { BodiesView, ExportPage, ExportQuery, KeptBodiesView } from '../../src-shared/recording.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import { HAR_END, harBeginning, harEntry } from './har.ts';

/** Requests of a page without bodies. */
const PAGE = 100;
/** With bodies, a page ends once it is so long, in characters; one request may be more. */
const LONG_PAGE = 1_000_000;

export interface ExportWorld {
  /** Requests that have ended, newest first. */
  page: (query: RequestQuery) => Promise<RequestPage>;
  find: (id: string) => Promise<RequestRow | null>;
  bodies: (id: string) => Promise<BodiesView>;
  /** Removes secrets from a text. */
  redact: (text: string) => string;
  /** Base URL for clients. */
  endpoint: string;
  version: string;
}

/**
 * The next piece of a file with requests: JSON lines, or HAR 1.2. Pieces are bounded, whatever is asked for.
 * @throws ProxyError `invalid_field` for a place that is none.
 */
export async function exportPage(query: ExportQuery, world: ExportWorld): Promise<ExportPage> {
  const { format, bodies: wantsBodies, after } = query;
  const isHar = format === 'har';
  let text = isHar && after === undefined ? harBeginning(world.version) : '';
  let requests = 0;
  let withBodies = 0;
  let next: string | null = after ?? null;
  do {
    const page: Rows = await rowsOf({ ...query, after: next ?? undefined }, wantsBodies ? 1 : PAGE, world);
    for (const row of page.rows) {
      const kept = wantsBodies ? await world.bodies(row.id) : null;
      const bodies = kept?.state === 'kept' ? kept : null;
      const isFirst = after === undefined && requests === 0;
      text += isHar ? `${isFirst ? '' : ',\n'}${entry(row, bodies, world)}` : `${line(row, kept, world)}\n`;
      requests += 1;
      if (bodies !== null) withBodies += 1;
    }
    next = page.next;
  } while (next !== null && text.length < LONG_PAGE && requests < PAGE);
  if (isHar && next === null) text += HAR_END;
  return { text, requests, withBodies, next };
}

interface Rows {
  rows: RequestRow[];
  next: string | null;
}

async function rowsOf(
  { ids, format: _, bodies: __, ...query }: ExportQuery,
  limit: number,
  world: ExportWorld,
): Promise<Rows> {
  if (ids === undefined) return await world.page({ ...query, limit });
  const first = Number(query.after ?? 0);
  const rows: RequestRow[] = [];
  for (const id of ids.slice(first, first + limit)) {
    const row = await world.find(id);
    if (row !== null && row.state !== 'running') rows.push(row);
  }
  return { rows, next: first + limit < ids.length ? String(first + limit) : null };
}

/** Bodies have their keys cut out; what is in a row may be in memory still, where it has them. */
function clean(row: RequestRow, { redact }: ExportWorld): RequestRow {
  return mapTexts(row, redact);
}

const entry = (row: RequestRow, bodies: KeptBodiesView | null, world: ExportWorld): string =>
  JSON.stringify(harEntry(clean(row, world), bodies, world.endpoint));

function line(row: RequestRow, bodies: BodiesView | null, world: ExportWorld): string {
  const { trace: _, ...rest } = clean(row, world);
  return JSON.stringify({ ...rest, ...(bodies === null ? {} : { bodies }) });
}
