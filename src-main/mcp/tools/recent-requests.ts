import { z } from 'zod';
import { requestInWords, requestSchema, summaryOfRequest } from '../request-summary.ts';
import { list, paragraphs } from '../words.ts';
import { defineTool } from './tool.ts';

const text = z.string().min(1).max(1_000).optional();

export const recentRequests = defineTool({
  name: 'recent_requests',
  title: 'Recent requests',
  description: 'The requests that CProxy has had, newest first. explain_route says of each why it went where it went.',
  input: z.strictObject({
    state: z.enum(['answered', 'failed', 'aborted']).optional(),
    provider: text.describe('That was asked last'),
    model: text.describe('The asked name, or the model that was asked last'),
    client: text.describe('Name of the client token'),
    session: text.describe("The client's session"),
    search: text.describe('A part of an asked name, a model or a folder, or the beginning of an id'),
    limit: z.number().int().min(1).max(200).default(20),
    after: z.string().max(100).optional().describe('As next of an earlier call'),
  }),
  output: z.object({
    requests: z.array(requestSchema),
    next: z.string().nullable().describe('For the next page, as after; null: there is none'),
  }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  async call({ search, ...filter }, { engine }) {
    const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
    const query = { ...given, ...(search === undefined ? {} : { text: search }) };
    const { rows, next } = await (await engine.control()).requests.page(query);
    const requests = rows.map(summaryOfRequest);
    return {
      value: { requests, next },
      text: paragraphs(
        requests.length === 0 ? 'There is no such request.' : list(requests.map(requestInWords)),
        next === null ? null : `More: after ${next}`,
      ),
    };
  },
});
