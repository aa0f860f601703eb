import { table } from '../bench/table.ts';
import { type SessionShare, sessionShares } from './cache-share.ts';
import { type Aspect, aspects, checkCell, clientProtocols, providerProtocols, startMatrix } from './dialect-matrix.ts';

/**
 * Prints which pairs of dialects carry what, and how much of a session prompt caches can serve, as Markdown tables; ends with 1
 * where a cell fails.
 */

await using bench = await startMatrix();
const failures: string[] = [];
const names = Object.keys(aspects) as Aspect[];
const rows: string[][] = [];
for (const client of clientProtocols) {
  for (const provider of providerProtocols) {
    const cells: string[] = [];
    for (const aspect of names) {
      const forms: string[] = [];
      for (const stream of [true, false]) {
        try {
          await checkCell(bench, client, provider, aspect, stream);
          forms.push('ok');
        } catch (error) {
          forms.push('FAILED');
          failures.push(
            `${client} → ${provider}, ${aspect}, ${stream ? 'streamed' : 'whole'}: ${error instanceof Error ? error.message : String(error)}`,
          );
        }
      }
      cells.push(forms.join(' / '));
    }
    rows.push([`${client} → ${provider}`, ...cells]);
  }
}
process.stdout.write(`${table(['client → provider (streamed / whole)', ...names], rows)}\n`);
const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
const least = new Map<string, SessionShare>();
for (const share of sessionShares()) {
  const other = least.get(share.protocol);
  if (other === undefined || share.kept < other.kept) least.set(share.protocol, share);
}
const shares = [...least.values()].map(({ target, kept, served }) => [target, percent(kept), percent(served)]);
const about = "Claude Code's fifty turns, by dialect the target with the least";
process.stdout.write(`\n${table([about, 'prompt kept', 'served by a cache'], shares)}\n`);
for (const failure of failures) process.stdout.write(`\n${failure}\n`);
process.exitCode = failures.length === 0 ? 0 : 1;
