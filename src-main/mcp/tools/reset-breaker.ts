import { z } from 'zod';
import { amount } from '../words.ts';
import { defineTool } from './tool.ts';

export const resetBreaker = defineTool({
  name: 'reset_breaker',
  title: 'Reset circuit breakers',
  description:
    'Has targets tried again at once that are left alone after failures. list_providers shows which these are.',
  input: z.strictObject({
    provider: z.string().min(1).max(200).optional().describe('Only those of this provider'),
    model: z.string().min(1).max(1000).optional().describe('Only this model of it'),
  }),
  output: z.object({ closed: z.number().int().describe('How many were open') }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  changes: true,
  async call({ provider, model }, { engine }) {
    const { closed } = await (await engine.control()).circuits.reset({
      ...(provider === undefined ? {} : { provider }),
      ...(model === undefined ? {} : { model }),
    });
    return {
      value: { closed },
      text: closed === 0 ? 'None was open.' : `${amount(closed, 'circuit')} closed; requests go there again.`,
    };
  },
});
