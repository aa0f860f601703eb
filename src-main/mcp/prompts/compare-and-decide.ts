import { paragraphs } from '../words.ts';
import { completeModels, type McpPrompt } from './prompt.ts';

export const compareAndDecide: McpPrompt = {
  name: 'compare_and_decide',
  title: 'Compare and decide',
  description: 'Asks several models the same, compares their answers, and decides.',
  arguments: [
    { name: 'question', description: 'What is to be decided', required: true },
    {
      name: 'models',
      description: 'Which models to ask, with commas between them; two or three that suit where absent',
      required: false,
      complete: completeModels,
    },
  ],
  text: ({ question, models }) =>
    paragraphs(
      `Decide this with the help of other models: ${question}`,
      models === undefined
        ? 'Choose two or three models of different makers with list_models, and ask them with compare_models.'
        : `Ask these with compare_models: ${models}`,
      'They know nothing of this conversation: put into the prompt what they need. Then say in a table what each proposes, with its time and cost, which arguments hold, and what you decide.',
    ),
};
