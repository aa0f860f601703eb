import { z } from 'zod';
import { answerFactsShape, askModel, factsInWords, toolCallSchema } from '../ask-model.ts';
import { chooseModel } from '../choose-model.ts';
import { answerFields, answerShape, conversationFields, conversationShape } from '../conversation-input.ts';
import { paragraphs } from '../words.ts';
import { defineTool, ToolError } from './tool.ts';

/** Characters of the text so far that go with progress. */
const SHOWN = 2_000;

export const proxyCompletion = defineTool({
  name: 'proxy_completion',
  title: 'Ask another model',
  description:
    'Asks any model that CProxy can reach, by its rules, with failover, and logs it. Give a prompt, or messages. It knows nothing of this conversation: say all that it needs. list_models shows which models there are.',
  input: z.strictObject({
    ...conversationShape,
    model: z
      .string()
      .min(1)
      .max(1000)
      .optional()
      .describe('provider-id/model-id, a model, or an alias; the default model where absent'),
    provider: z.string().min(1).max(200).optional().describe('Id of the provider that is to answer'),
    ...answerShape,
    stream: z.boolean().default(true).describe('Whether progress tells the text so far, where the client asks for it'),
  }),
  output: z.object({
    text: z.string(),
    tool_calls: z.array(toolCallSchema).describe('What the model wants to be called'),
    ...answerFactsShape,
  }),
  annotations: { readOnlyHint: true, openWorldHint: true },
  async call({ model, provider, stream, ...asked }, context) {
    const conversation = conversationFields(asked);
    if (conversation === null) throw new ToolError('Give either prompt or messages.');
    const { engine, progress } = context;
    const name = await chooseModel(engine, { model, provider });
    const onText =
      progress === null || !stream ? undefined : (text: string) => progress(text.length, text.slice(-SHOWN));
    const answer = await askModel({ model: name, ...conversation, ...answerFields(asked) }, context, onText);
    const { text, toolCalls, images, facts } = answer;
    const calls = toolCalls.map((call) => `It wants to call ${call.name}: ${JSON.stringify(call.input)}`);
    return {
      value: { text, tool_calls: toolCalls, ...facts },
      text: paragraphs(text, ...calls, `(${factsInWords(facts)})`),
      content: images,
    };
  },
});
