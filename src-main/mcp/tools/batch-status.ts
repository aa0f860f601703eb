import { z } from 'zod';
import { batchStatus as ask, type BatchResult } from '../batches.ts';
import { count, list, paragraphs } from '../words.ts';
import { batchOf, batchShape } from './submit-batch.ts';
import { defineTool } from './tool.ts';

export const batchStatus = defineTool({
  name: 'batch_status',
  title: 'Status of a batch',
  description: 'Says how far a batch is, and gives its answers once it is done.',
  input: z.strictObject({
    batch_id: z.string().min(1).max(200),
    provider: z.string().min(1).max(200).optional().describe('Its id, for a batch that was not made through CProxy'),
    results: z.boolean().default(true).describe('Whether the answers are wanted'),
    limit: z.number().int().min(1).max(1_000).default(100).describe('The most answers'),
    offset: z.number().int().min(0).default(0).describe('How many of them to leave out'),
  }),
  output: z.object({
    ...batchShape,
    results: z.array(
      z.object({ id: z.string(), text: z.string().nullable(), error: z.string().nullable() }).describe('One answer'),
    ),
    results_total: z.number().int(),
  }),
  annotations: { readOnlyHint: true, openWorldHint: true },
  async call({ batch_id, provider = null, results, limit, offset }, { engine, signal }) {
    const found = await ask(engine, { id: batch_id, provider, results }, signal);
    const batch = batchOf(found.state);
    const shown = found.results.slice(offset, offset + limit);
    const counts = Object.entries(batch.counts).map(([name, number]) => `${count(number)} ${name}`);
    const rest = found.results.length - offset - shown.length;
    return {
      value: {
        ...batch,
        results: shown.map(({ customId, ...result }) => ({ id: customId, ...result })),
        results_total: found.results.length,
      },
      text: paragraphs(
        `Batch ${batch.batch_id} is ${batch.status}${counts.length === 0 ? '' : `: ${counts.join(', ')}`}.`,
        shown.length === 0 ? null : list(shown.map(inWords)),
        rest > 0 ? `${count(rest)} more: offset ${offset + shown.length}` : null,
      ),
    };
  },
});

const inWords = ({ customId, text, error }: BatchResult): string =>
  `${customId}: ${text ?? `failed, ${error ?? 'for an unknown reason'}`}`;
