import { paragraphs } from '../words.ts';
import { type McpPrompt, modelArgument, withModel } from './prompt.ts';

export const codeReview: McpPrompt = {
  name: 'code_review',
  title: 'Code review by another model',
  description: 'Has another model review code, and checks what it finds.',
  arguments: [
    {
      name: 'code',
      description: 'The code or the diff, or where it is; what has changed in this project where absent',
      required: false,
    },
    modelArgument('Which model is to review; the default model where absent'),
  ],
  text: ({ code, model }) =>
    paragraphs(
      `Have another model review ${code === undefined ? 'what has changed in this project since the last commit' : 'this'}.`,
      code ?? null,
      `Call proxy_completion${withModel(model)}, with the whole code in the prompt and what it is for. Ask for bugs, missing cases, security and clarity, each with the place, the worst first, and for nothing that is a matter of taste.`,
      'Check each finding in the code yourself before you report it. Say which are real and which are not.',
    ),
};
