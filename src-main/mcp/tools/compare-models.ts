import { z } from 'zod';
import { answerFactsShape, askModel, factsInWords } from '../ask-model.ts';
import { answerFields, answerShape, conversationFields } from '../conversation-input.ts';
import { rpcCodes } from '../rpc-codes.ts';
import { paragraphs } from '../words.ts';
import { defineTool, type ToolContext, ToolError } from './tool.ts';

const resultSchema = z.object({
  asked: z.string().describe('The model, as it was asked for'),
  text: z.string().nullable().describe('null: there is no answer, and error says why'),
  error: z.string().nullable(),
  ...answerFactsShape,
  request_id: z.string().nullable(),
});
type Result = z.output<typeof resultSchema>;

export const compareModels = defineTool({
  name: 'compare_models',
  title: 'Compare models',
  description:
    'Asks several models the same, at the same time, and gives all answers with their times and costs. Each of them is paid for.',
  input: z.strictObject({
    prompt: z.string().min(1),
    models: z
      .array(z.string().min(1).max(1000))
      .min(2)
      .max(8)
      .describe('provider-id/model-id, models or aliases; list_models shows them'),
    system: z.string().optional().describe('System prompt'),
    ...answerShape,
  }),
  output: z.object({ results: z.array(resultSchema) }),
  annotations: { readOnlyHint: true, openWorldHint: true },
  async call({ prompt, models, system, ...asked }, context) {
    const body = { ...conversationFields({ prompt, system }), ...answerFields(asked) };
    let done = 0;
    const results = await Promise.all(
      models.map(async (model) => {
        const result = await tryModel(model, { model, ...body }, context);
        done += 1;
        context.progress?.(done, `${model} has ${result.text === null ? 'failed' : 'answered'}`, models.length);
        return result;
      }),
    );
    if (results.every(({ text }) => text === null))
      throw new ToolError(
        paragraphs('No model has answered.', ...results.map(inWords)),
        null,
        rpcCodes.providerUnavailable,
      );
    return { value: { results }, text: paragraphs(...results.map(inWords)) };
  },
});

async function tryModel(asked: string, body: Record<string, unknown>, context: ToolContext): Promise<Result> {
  try {
    const { text, facts } = await askModel(body, context);
    return { asked, text, error: null, ...facts };
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return { asked, text: null, error: error.message, ...NOTHING };
  }
}

const NOTHING = {
  request_id: null,
  provider: null,
  model: null,
  route: null,
  stop_reason: null,
  input_tokens: null,
  cached_tokens: null,
  output_tokens: null,
  cost_usd: null,
  ms: null,
  first_content_ms: null,
  attempts: 0,
};

const inWords = ({ asked, text, error, request_id, ...facts }: Result): string =>
  text === null || request_id === null
    ? `## ${asked}\nNo answer: ${error}`
    : `## ${asked}\n${text}\n(${factsInWords({ ...facts, request_id })})`;
