import { requestTemplate } from '../resources/request-template.ts';
import { paragraphs } from '../words.ts';
import type { McpPrompt } from './prompt.ts';

export const diagnoseRouting: McpPrompt = {
  name: 'diagnose_routing',
  title: 'Diagnose my routing',
  description: 'Finds out why requests go where they go, and what to change.',
  arguments: [
    {
      name: 'request',
      description: 'Id of a request, latest, or failed; all that is wrong lately where absent',
      required: false,
      complete: requestTemplate.complete,
    },
  ],
  text: ({ request }) =>
    paragraphs(
      request === undefined
        ? 'Find out how my routing does: recent_requests and those that failed, provider_health, and explain_route for what stands out.'
        : `Find out why the request "${request}" went where it went: explain_route, and provider_health for the providers in it.`,
      'Say in a few sentences what happened and why, then what to change in the configuration, with the lines to write. Try such a change out with explain_route (hypothetical) where you can. Change nothing without asking me.',
    ),
};
