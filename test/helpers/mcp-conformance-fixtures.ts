import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  CompleteRequestSchema,
  CreateMessageResultSchema,
  ElicitResultSchema,
  GetPromptRequestSchema,
  type GetPromptResult,
  ListPromptsRequestSchema,
  ListPromptsResultSchema,
  ListResourcesRequestSchema,
  ListResourcesResultSchema,
  ListResourceTemplatesRequestSchema,
  ListResourceTemplatesResultSchema,
  ListToolsRequestSchema,
  ListToolsResultSchema,
  type Prompt,
  ReadResourceRequestSchema,
  type ReadResourceResult,
  type ServerNotification,
  type ServerRequest,
  type ServerResult,
  SubscribeRequestSchema,
  type Tool,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;
type Handler = (request: unknown, extra: Extra) => Promise<ServerResult>;
type Args = Readonly<Record<string, unknown>>;

interface FixtureTool {
  description: string;
  inputSchema?: Tool['inputSchema'];
  run: (args: Args, extra: Extra) => Promise<CallToolResult> | CallToolResult;
}

interface FixturePrompt {
  arguments?: Prompt['arguments'];
  messages: (args: Args) => GetPromptResult['messages'];
}

/** A PNG of one pixel. */
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
/** A WAV file without a sound in it. */
const wav = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=';

const text = (said: string): { type: 'text'; text: string } => ({ type: 'text', text: said });
const image = { type: 'image' as const, data: png, mimeType: 'image/png' };
const embedded = (uri: string, mimeType: string, said: string) => ({
  type: 'resource' as const,
  resource: { uri, mimeType, text: said },
});
const says = (said: string): CallToolResult => ({ content: [text(said)] });

const log = (extra: Extra, data: string): Promise<void> =>
  extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data } });

type Properties = Record<string, unknown>;

/** Asks the client's user, on the stream of the call, and tells what has been said. */
async function elicit(extra: Extra, message: string, properties: Properties, required: string[] = []) {
  const requestedSchema = { type: 'object', properties, required };
  // The SDK's type does not know every form of a field that the suite asks for; what is sent is the same.
  const params = { mode: 'form', message, requestedSchema } as never;
  const { action, content } = await extra.sendRequest({ method: 'elicitation/create', params }, ElicitResultSchema);
  return `action=${action}, content=${JSON.stringify(content ?? {})}`;
}

const titled = (key: string, title: string) =>
  [1, 2, 3].map((number) => ({ const: `${key}${number}`, title: `${title} ${number}` }));
const options = ['option1', 'option2', 'option3'];

/** What the suite calls, by the names that it looks for. */
const tools: Readonly<Record<string, FixtureTool>> = {
  test_simple_text: { description: 'Says a text.', run: () => says('This is a simple text response for testing.') },
  test_image_content: { description: 'Gives a picture.', run: () => ({ content: [image] }) },
  test_audio_content: {
    description: 'Gives a sound.',
    run: () => ({ content: [{ type: 'audio', data: wav, mimeType: 'audio/wav' }] }),
  },
  test_embedded_resource: {
    description: 'Gives a resource.',
    run: () => ({
      content: [embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')],
    }),
  },
  test_multiple_content_types: {
    description: 'Gives a bit of everything.',
    run: () => ({
      content: [
        text('Multiple content types test:'),
        image,
        embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
      ],
    }),
  },
  test_tool_with_logging: {
    description: 'Logs what it does.',
    async run(_args, extra) {
      for (const step of ['started', 'processing data', 'completed']) await log(extra, `Tool ${step}`);
      return says('It is logged.');
    },
  },
  test_tool_with_progress: {
    description: 'Tells how far it is.',
    async run(_args, extra) {
      const progressToken = extra._meta?.progressToken;
      for (const progress of progressToken === undefined ? [] : [0, 50, 100])
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken: progressToken ?? '', progress, total: 100 },
        });
      return says('It is done.');
    },
  },
  test_error_handling: {
    description: 'Fails.',
    run: () => ({ isError: true, content: [text('This tool intentionally returns an error for testing')] }),
  },
  test_reconnection: {
    description: "Says something before its answer, for the suite's lost connection.",
    async run(_args, extra) {
      await log(extra, 'Before the connection is lost');
      return says('After the connection was lost.');
    },
  },
  test_sampling: {
    description: "Asks the client's model.",
    inputSchema: { type: 'object', properties: { prompt: { type: 'string' } }, required: ['prompt'] },
    async run({ prompt }, extra) {
      const { content } = await extra.sendRequest(
        {
          method: 'sampling/createMessage',
          params: { messages: [{ role: 'user', content: text(String(prompt)) }], maxTokens: 100 },
        },
        CreateMessageResultSchema,
      );
      return says(`LLM response: ${content.type === 'text' ? content.text : content.type}`);
    },
  },
  test_elicitation: {
    description: "Asks the client's user.",
    inputSchema: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] },
    async run({ message }, extra) {
      const properties = { username: { type: 'string' }, email: { type: 'string' } };
      return says(`User response: ${await elicit(extra, String(message), properties, ['username', 'email'])}`);
    },
  },
  test_elicitation_sep1034_defaults: {
    description: "Asks the client's user, with an answer ready for each kind of field.",
    async run(_args, extra) {
      const said = await elicit(extra, 'Is this right?', {
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true },
      });
      return says(`Elicitation completed: ${said}`);
    },
  },
  test_elicitation_sep1330_enums: {
    description: "Asks the client's user to choose, in each way there is.",
    async run(_args, extra) {
      const said = await elicit(extra, 'Which?', {
        untitledSingle: { type: 'string', enum: options },
        titledSingle: { type: 'string', oneOf: titled('value', 'Option') },
        legacyEnum: { type: 'string', enum: ['opt1', 'opt2'], enumNames: ['Option One', 'Option Two'] },
        untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
        titledMulti: { type: 'array', items: { anyOf: titled('value', 'Choice') } },
      });
      return says(`Elicitation completed: ${said}`);
    },
  },
  json_schema_2020_12_tool: {
    description: 'Has a schema with keywords of JSON Schema 2020-12.',
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: { address: { type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
      properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
      additionalProperties: false,
    },
    run: (args) => says(JSON.stringify(args)),
  },
};

const user = <Content extends GetPromptResult['messages'][number]['content']>(content: Content) => ({
  role: 'user' as const,
  content,
});
const required = (name: string) => ({ name, description: `The ${name}.`, required: true });

const prompts: Readonly<Record<string, FixturePrompt>> = {
  test_simple_prompt: { messages: () => [user(text('This is a simple prompt for testing.'))] },
  test_prompt_with_arguments: {
    arguments: [required('arg1'), required('arg2')],
    messages: ({ arg1, arg2 }) => [user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))],
  },
  test_prompt_with_embedded_resource: {
    arguments: [required('resourceUri')],
    messages: ({ resourceUri }) => [
      user(embedded(String(resourceUri), 'text/plain', 'Embedded resource content for testing.')),
      user(text('Please process the embedded resource above.')),
    ],
  },
  test_prompt_with_image: { messages: () => [user(image), user(text('Please analyze the image above.'))] },
};

const resources: Readonly<Record<string, ReadResourceResult['contents'][number]>> = {
  'test://static-text': {
    uri: 'test://static-text',
    mimeType: 'text/plain',
    text: 'This is the content of the static text resource.',
  },
  'test://static-binary': { uri: 'test://static-binary', mimeType: 'image/png', blob: png },
};
const WATCHED = 'test://watched-resource';
const TEMPLATE = 'test://template/{id}/data';

/**
 * Adds what the conformance suite of MCP looks for by name to one of our servers. Everything else stays the server's own: its
 * lists go before these, and what the suite subscribes to and completes is handed to it under names that it knows.
 */
export function addConformanceFixtures(server: Server): void {
  const own = ownHandlers(server);

  const listTools = own('tools/list');
  server.setRequestHandler(ListToolsRequestSchema, async (request, extra) => {
    const listed = ListToolsResultSchema.parse(await listTools(request, extra));
    if (listed.nextCursor !== undefined) return listed;
    const added = Object.entries(tools).map(([name, { description, inputSchema = { type: 'object' as const } }]) => ({
      ...{ name, description, inputSchema },
    }));
    return { ...listed, tools: [...listed.tools, ...added] };
  });
  const callTool = own('tools/call');
  server.setRequestHandler(CallToolRequestSchema, async (request, extra) => {
    const tool = tools[request.params.name];
    return tool === undefined ? callTool(request, extra) : tool.run(request.params.arguments ?? {}, extra);
  });

  const listPrompts = own('prompts/list');
  server.setRequestHandler(ListPromptsRequestSchema, async (request, extra) => {
    const listed = ListPromptsResultSchema.parse(await listPrompts(request, extra));
    const added = Object.entries(prompts).map(([name, prompt]) => ({
      ...{ name, description: `${name}.`, arguments: prompt.arguments ?? [] },
    }));
    return { ...listed, prompts: [...listed.prompts, ...added] };
  });
  const getPrompt = own('prompts/get');
  server.setRequestHandler(GetPromptRequestSchema, async (request, extra) => {
    const prompt = prompts[request.params.name];
    if (prompt === undefined) return getPrompt(request, extra);
    return { messages: prompt.messages(request.params.arguments ?? {}) };
  });

  const listResources = own('resources/list');
  server.setRequestHandler(ListResourcesRequestSchema, async (request, extra) => {
    const listed = ListResourcesResultSchema.parse(await listResources(request, extra));
    const added = [...Object.keys(resources), WATCHED].map((uri) => ({ uri, name: uri, description: `${uri}.` }));
    return { ...listed, resources: [...listed.resources, ...added] };
  });
  const listTemplates = own('resources/templates/list');
  server.setRequestHandler(ListResourceTemplatesRequestSchema, async (request, extra) => {
    const listed = ListResourceTemplatesResultSchema.parse(await listTemplates(request, extra));
    return { ...listed, resourceTemplates: [...listed.resourceTemplates, { uriTemplate: TEMPLATE, name: 'test' }] };
  });
  const readResource = own('resources/read');
  server.setRequestHandler(ReadResourceRequestSchema, async (request, extra) => {
    const { uri } = request.params;
    const fixed = resources[uri];
    if (fixed !== undefined) return { contents: [fixed] };
    const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
    if (id === undefined) return readResource(request, extra);
    const data = { id, templateTest: true, data: `Data for ID: ${id}` };
    return { contents: [{ uri, mimeType: 'application/json', text: JSON.stringify(data) }] };
  });

  const watched = <Asked extends { params: { uri: string } }>(request: Asked): Asked =>
    request.params.uri === WATCHED ? { ...request, params: { ...request.params, uri: 'cproxy://health' } } : request;
  const subscribe = own('resources/subscribe');
  server.setRequestHandler(SubscribeRequestSchema, (request, extra) => subscribe(watched(request), extra));
  const unsubscribe = own('resources/unsubscribe');
  server.setRequestHandler(UnsubscribeRequestSchema, (request, extra) => unsubscribe(watched(request), extra));

  const complete = own('completion/complete');
  server.setRequestHandler(CompleteRequestSchema, (request, extra) => {
    const { ref, argument } = request.params;
    if (ref.type !== 'ref/prompt' || prompts[ref.name] === undefined) return complete(request, extra);
    const known = { ref: { ...ref, name: 'second_opinion' }, argument: { ...argument, name: 'model' } };
    return complete({ ...request, params: { ...request.params, ...known } }, extra);
  });
}

/** The SDK has no way to ask for a handler that is set, so it is taken from where it keeps them; it throws where they are no more. */
function ownHandlers(server: Server): (method: string) => Handler {
  const handlers: unknown = Reflect.get(server, '_requestHandlers');
  if (!(handlers instanceof Map)) throw new Error("The SDK's Server keeps its handlers somewhere else now");
  return (method) => {
    const handler: unknown = handlers.get(method);
    if (typeof handler !== 'function') throw new Error(`There is no handler for ${method}`);
    return async (request, extra) => await Reflect.apply(handler, server, [request, extra]);
  };
}
