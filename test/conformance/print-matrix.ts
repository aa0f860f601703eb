import { table } from '../bench/table.ts';
import { type Aspect, aspects, checkCell, clientProtocols, providerProtocols, startMatrix } from './dialect-matrix.ts';

/** Prints which pairs of dialects carry what, as a Markdown table; ends with 1 where a cell fails. */

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
for (const failure of failures) process.stdout.write(`\n${failure}\n`);
process.exitCode = failures.length === 0 ? 0 : 1;
