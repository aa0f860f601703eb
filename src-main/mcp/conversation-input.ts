import { z } from 'zod';

/**
 * What a model can be asked with by a tool, and the request of Anthropic's Messages API that it becomes. Clients show these schemas
 * to their models with every request: they are short, and what a provider checks as well is left to it.
 */

const text = z.strictObject({ type: z.literal('text'), text: z.string() });
const image = z.strictObject({
  type: z.literal('image'),
  // A pattern would be shown, too.
  data: z
    .string()
    .refine((data) => /^[A-Za-z0-9+/]+={0,2}$/.test(data), 'must be base64')
    .describe('base64'),
  mimeType: z.enum(['image/png', 'image/jpeg', 'image/gif', 'image/webp']),
});
const toolUse = z
  .strictObject({
    type: z.literal('tool_use'),
    id: z.string(),
    name: z.string(),
    input: z.looseObject({}),
  })
  .describe('A call that the model made, as an earlier answer had it');
const toolResult = z.strictObject({
  type: z.literal('tool_result'),
  tool_use_id: z.string(),
  content: z.string(),
  is_error: z.boolean().optional(),
});
const block = z.discriminatedUnion('type', [text, image, toolUse, toolResult]);

const message = z.strictObject({
  role: z.enum(['user', 'assistant']),
  content: z.union([z.string(), z.array(block).min(1)]),
});

const tool = z.strictObject({
  name: z.string(),
  description: z.string().optional(),
  input_schema: z.looseObject({}).describe('JSON Schema of its arguments, of type object'),
});

/** What is said. */
export const conversationShape = {
  prompt: z.string().min(1).optional().describe('What to ask; or use messages'),
  messages: z
    .array(message)
    .min(1)
    .optional()
    .describe('A whole conversation instead of a prompt, the last message from the user'),
  system: z.string().optional().describe('System prompt'),
  tools: z
    .array(tool)
    .max(128)
    .optional()
    .describe('Tools that the model may call. Calls come back in the answer; nobody runs them'),
};
export const conversationSchema = z.object(conversationShape);
export type ConversationInput = z.output<typeof conversationSchema>;

/** How it is answered. */
export const answerShape = {
  max_tokens: z.number().int().min(1).max(1_000_000).default(4096).describe('The most tokens of the answer'),
  temperature: z.number().min(0).max(2).optional(),
  effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).optional().describe('How hard a model thinks that can'),
};
const answerSchema = z.object(answerShape);
export type AnswerInput = z.output<typeof answerSchema>;

type Block = z.output<typeof block>;

/** The fields of a Messages request that say what is asked. `null`: neither a prompt nor messages are there, or both are. */
export function conversationFields({
  prompt,
  messages,
  system,
  tools,
}: ConversationInput): Record<string, unknown> | null {
  if ((prompt === undefined) === (messages === undefined)) return null;
  return {
    messages: messages?.map(({ role, content }) => ({
      role,
      content: typeof content === 'string' ? content : content.map(blockOf),
    })) ?? [{ role: 'user', content: prompt }],
    ...(system === undefined || system === '' ? {} : { system }),
    ...(tools === undefined || tools.length === 0 ? {} : { tools }),
  };
}

export const answerFields = ({ max_tokens, temperature, effort }: AnswerInput): Record<string, unknown> => ({
  max_tokens,
  ...(temperature === undefined ? {} : { temperature }),
  ...(effort === undefined ? {} : { output_config: { effort } }),
});

function blockOf(given: Block): Record<string, unknown> {
  if (given.type === 'image')
    return { type: 'image', source: { type: 'base64', media_type: given.mimeType, data: given.data } };
  return given;
}
