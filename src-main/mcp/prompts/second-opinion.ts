import { paragraphs } from '../words.ts';
import { type McpPrompt, modelArgument, withModel } from './prompt.ts';

export const secondOpinion: McpPrompt = {
  name: 'second_opinion',
  title: 'Second opinion',
  description: 'Asks another model the same, and weighs its answer against yours.',
  arguments: [
    { name: 'question', description: 'What it is about', required: true },
    modelArgument('Which model to ask; the default model where absent'),
  ],
  text: ({ question, model }) =>
    paragraphs(
      `Get a second opinion on this: ${question}`,
      `Call proxy_completion${withModel(model)}. The other model knows nothing of this conversation: put into the prompt what it needs, the code and facts in question included, but not your own conclusion.`,
      'Then say where it agrees with you and where not, who is right on each point and why, and what you would do now. Name the model that answered.',
    ),
};
