import { z } from 'zod';
import { askModel, factsInWords } from '../ask-model.ts';
import { list, paragraphs } from '../words.ts';
import { providerInWords, providerSchema, summaryOf } from './list-providers.ts';
import { defineTool, type ToolContext, ToolError } from './tool.ts';

const questionSchema = z.object({
  ok: z.boolean(),
  text: z.string().nullable().describe('What it said'),
  error: z.string().nullable(),
  request_id: z.string().nullable(),
  ms: z.number().nullable(),
});

export const testProvider = defineTool({
  name: 'test_provider',
  title: 'Test a provider',
  description:
    'Asks a provider, or all, now, whether it is there and takes its key, which is free. With a model, that is asked for one word as well, which costs a few tokens.',
  input: z.strictObject({
    provider: z.string().min(1).max(200).optional().describe('By its id; all enabled ones where absent'),
    model: z.string().min(1).max(1000).optional().describe('A model of this provider to ask for a word'),
  }),
  output: z.object({
    providers: z.array(providerSchema),
    question: questionSchema.nullable().describe('What came of asking the model; null: none was asked'),
  }),
  annotations: { readOnlyHint: true, openWorldHint: true },
  async call({ provider, model }, context) {
    if (model !== undefined && provider === undefined) throw new ToolError('Say which provider has the model.');
    const control = await context.engine.control();
    const { providers } = await control.health.probe(provider === undefined ? {} : { provider });
    const tested = providers
      .filter(({ id, enabled }) => (provider === undefined ? enabled : id === provider))
      .map(summaryOf);
    const question = model === undefined ? null : await askForAWord(`${provider}/${model}`, context);
    return {
      value: { providers: tested, question },
      text: paragraphs(
        tested.length === 0 ? 'No provider is enabled.' : list(tested.map(providerInWords)),
        question === null ? null : question.words,
      ),
    };
  },
});

async function askForAWord(
  model: string,
  context: ToolContext,
): Promise<z.output<typeof questionSchema> & { words: string }> {
  const body = { model, max_tokens: 64, messages: [{ role: 'user', content: 'Answer with the one word: ready' }] };
  try {
    const { text, facts } = await askModel(body, context);
    const words = `${model} said "${text.slice(0, 200)}" (${factsInWords(facts)})`;
    return { ok: true, text, error: null, request_id: facts.request_id, ms: facts.ms, words };
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const words = `${model} has not answered: ${error.message}`;
    return { ok: false, text: null, error: error.message, request_id: null, ms: null, words };
  }
}
