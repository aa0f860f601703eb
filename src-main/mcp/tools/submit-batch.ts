import { z } from 'zod';
import { type BatchState, batchProvider, submitBatch as send } from '../batches.ts';
import { amount } from '../words.ts';
import { defineTool } from './tool.ts';

export const batchShape = {
  batch_id: z.string(),
  provider: z.string().nullable(),
  status: z.string().describe("In the provider's word"),
  done: z.boolean(),
  counts: z.record(z.string(), z.number()).describe("Requests by what has become of them, in the provider's words"),
  expires_at: z.string().nullable().describe('ISO 8601'),
};

export const batchOf = ({ id, provider, status, isDone, counts, expiresAt }: BatchState) => ({
  batch_id: id,
  provider,
  status,
  done: isDone,
  counts,
  expires_at: expiresAt === null ? null : new Date(expiresAt).toISOString(),
});

export const submitBatch = defineTool({
  name: 'submit_batch',
  title: 'Submit a batch',
  description:
    'Hands many requests to a provider that answers them within a day at half the price (types anthropic and openai). batch_status says how far it is, and gives the answers.',
  input: z.strictObject({
    requests: z
      .array(
        z.strictObject({
          id: z
            .string()
            .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "_" and "-"')
            .describe('Comes back with the answer'),
          prompt: z.string().min(1),
        }),
      )
      .min(1)
      .max(1_000),
    model: z.string().min(1).max(1000).describe('Of the provider, with or without its id before it'),
    provider: z.string().min(1).max(200).optional().describe('Its id, where several may be meant'),
    system: z.string().optional().describe('System prompt of all of them'),
    max_tokens: z.number().int().min(1).max(1_000_000).default(4096),
  }),
  output: z.object(batchShape),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  async call({ requests, model, provider, system, max_tokens }, { engine, signal }) {
    const target = batchProvider(await (await engine.control()).status(), provider, [model]);
    const items = requests.map(({ id, prompt }) => ({ customId: id, model, prompt, system, maxTokens: max_tokens }));
    const batch = batchOf(await send(engine, target, items, signal));
    return {
      value: batch,
      text: `${amount(requests.length, 'request')} at '${target.id}': batch ${batch.batch_id} is ${batch.status}. batch_status says more.`,
    };
  },
});
