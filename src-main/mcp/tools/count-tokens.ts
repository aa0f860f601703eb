import { z } from 'zod';
import { chooseModel } from '../choose-model.ts';
import { conversationFields } from '../conversation-input.ts';
import { amount, targetName } from '../words.ts';
import { defineTool, ToolError } from './tool.ts';

export const countTokens = defineTool({
  name: 'count_tokens',
  title: 'Count tokens',
  description:
    'Counts the tokens of a prompt as a model would: by its own counter where it has one, else on this machine.',
  input: z.strictObject({
    prompt: z.string().min(1).optional(),
    messages: z
      .array(z.strictObject({ role: z.enum(['user', 'assistant']), content: z.string() }))
      .min(1)
      .optional()
      .describe('A whole conversation instead of a prompt'),
    system: z.string().optional().describe('System prompt'),
    model: z.string().min(1).max(1000).optional().describe('provider-id/model-id, a model, or an alias'),
    provider: z.string().min(1).max(200).optional(),
  }),
  output: z.object({
    tokens: z.number().int(),
    provider: z.string().nullable(),
    model: z.string().nullable(),
    source: z.string().describe('provider: its own counter; else how it was counted here'),
  }),
  annotations: { readOnlyHint: true, openWorldHint: true },
  async call({ model, provider, ...asked }, { engine, signal, client, userAgent }) {
    const conversation = conversationFields(asked);
    if (conversation === null) throw new ToolError('Give either prompt or messages.');
    const name = await chooseModel(engine, { model, provider });
    const counted = await engine.countTokens({ model: name, ...conversation }, { signal, client, userAgent });
    const target =
      counted.provider === null || counted.model === null
        ? name
        : targetName({ provider: counted.provider, model: counted.model });
    const how = counted.source === 'provider' ? 'by its own counter' : `counted here (${counted.source})`;
    return { value: counted, text: `${amount(counted.tokens, 'token')} for ${target}, ${how}.` };
  },
});
