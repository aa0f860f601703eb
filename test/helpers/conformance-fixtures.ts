import { setTimeout as wait } from 'node:timers/promises';
import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  type GetPromptResult,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  type Prompt,
  ReadResourceRequestSchema,
  type ReadResourceResult,
  type Resource,
  type ServerNotification,
  type ServerRequest,
  SubscribeRequestSchema,
  type Tool,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';

/**
 * What `@modelcontextprotocol/conformance` wants of a server besides what the product has: tools, resources and prompts of fixed
 * names, beside the product's own.
 */

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;
type Handler = (request: unknown, extra: Extra) => Promise<Record<string, unknown>>;

interface Fixture {
  tool: Tool;
  run(args: Record<string, unknown>, server: Server, extra: Extra): Promise<CallToolResult>;
}

/** One red point. */
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
/** No sound. */
const wav = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=';

const text = (words: string): { type: 'text'; text: string } => ({ type: 'text', text: words });
const image = { type: 'image' as const, data: png, mimeType: 'image/png' };
const plain = (name: string, content: CallToolResult['content']): Fixture => fixture(name, async () => ({ content }));

function fixture(name: string, run: Fixture['run'], schema: Partial<Tool['inputSchema']> = {}): Fixture {
  return { tool: { name, description: `Fixture ${name}`, inputSchema: { type: 'object', ...schema } }, run };
}

const resource = (uri: string, mimeType: string, words: string) => ({
  type: 'resource' as const,
  resource: { uri, mimeType, text: words },
});

/** Asks the client's user, with a form of these fields. */
const asks = (name: string, properties: Record<string, unknown>): Fixture =>
  fixture(name, async (_args, server) => {
    const { action, content } = await server.elicitInput({
      message: 'Fill this in',
      requestedSchema: { type: 'object', properties: properties as never },
    });
    return { content: [text(`Elicitation completed: action=${action}, content=${JSON.stringify(content ?? {})}`)] };
  });

const tools: readonly Fixture[] = [
  plain('test_simple_text', [text('This is a simple text response for testing.')]),
  plain('test_image_content', [image]),
  plain('test_audio_content', [{ type: 'audio', data: wav, mimeType: 'audio/wav' }]),
  plain('test_embedded_resource', [
    resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.'),
  ]),
  plain('test_multiple_content_types', [
    text('Multiple content types test:'),
    image,
    resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  ]),
  fixture('test_error_handling', async () => ({
    isError: true,
    content: [text('This tool intentionally returns an error for testing')],
  })),
  fixture('test_tool_with_logging', async (_args, server, { sessionId }) => {
    for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await server.sendLoggingMessage({ level: 'info', data }, sessionId);
      await wait(50);
    }
    return { content: [text('done')] };
  }),
  fixture('test_tool_with_progress', async (_args, _server, { _meta, sendNotification }) => {
    for (const progress of [0, 50, 100]) {
      if (_meta?.progressToken !== undefined)
        await sendNotification({
          method: 'notifications/progress',
          params: { progressToken: _meta.progressToken, progress, total: 100 },
        });
      await wait(50);
    }
    return { content: [text('done')] };
  }),
  fixture(
    'test_sampling',
    async ({ prompt }, server) => {
      const { content } = await server.createMessage({
        messages: [{ role: 'user', content: text(String(prompt)) }],
        maxTokens: 100,
      });
      return { content: [text(`LLM response: ${JSON.stringify(content)}`)] };
    },
    { properties: { prompt: { type: 'string' } }, required: ['prompt'] },
  ),
  fixture(
    'test_elicitation',
    async ({ message }, server) => {
      const answer = await server.elicitInput({
        message: String(message),
        requestedSchema: {
          type: 'object',
          properties: {
            username: { type: 'string', description: "User's response" },
            email: { type: 'string', description: "User's email address" },
          },
          required: ['username', 'email'],
        },
      });
      return { content: [text(`User response: ${JSON.stringify(answer)}`)] };
    },
    { properties: { message: { type: 'string' } }, required: ['message'] },
  ),
  asks('test_elicitation_sep1034_defaults', {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  }),
  asks('test_elicitation_sep1330_enums', {
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: {
      type: 'string',
      oneOf: [
        { const: 'value1', title: 'First Option' },
        { const: 'value2', title: 'Second Option' },
        { const: 'value3', title: 'Third Option' },
      ],
    },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
    titledMulti: {
      type: 'array',
      items: {
        anyOf: [
          { const: 'value1', title: 'First Choice' },
          { const: 'value2', title: 'Second Choice' },
          { const: 'value3', title: 'Third Choice' },
        ],
      },
    },
  }),
  fixture('json_schema_2020_12_tool', async () => ({ content: [text('done')] }), {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $defs: {
      address: { type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } },
    },
    properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
    additionalProperties: false,
  }),
  fixture('test_reconnection', async (_args, _server, { closeSSEStream }) => {
    closeSSEStream?.();
    await wait(100);
    return { content: [text('done')] };
  }),
];

const resources: readonly Resource[] = [
  { uri: 'test://static-text', name: 'static-text', description: 'Fixture', mimeType: 'text/plain' },
  { uri: 'test://static-binary', name: 'static-binary', description: 'Fixture', mimeType: 'image/png' },
  { uri: 'test://watched-resource', name: 'watched-resource', description: 'Fixture', mimeType: 'text/plain' },
];

function read(uri: string): ReadResourceResult | null {
  if (uri === 'test://static-text')
    return { contents: [{ uri, mimeType: 'text/plain', text: 'This is the content of the static text resource.' }] };
  if (uri === 'test://static-binary') return { contents: [{ uri, mimeType: 'image/png', blob: png }] };
  if (uri === 'test://watched-resource') return { contents: [{ uri, mimeType: 'text/plain', text: 'watched' }] };
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
  if (id === undefined) return null;
  const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
  return { contents: [{ uri, mimeType: 'application/json', text: data }] };
}

const prompts: readonly (Prompt & { make(args: Readonly<Record<string, string>>): GetPromptResult['messages'] })[] = [
  {
    name: 'test_simple_prompt',
    description: 'Fixture',
    make: () => [{ role: 'user', content: text('This is a simple prompt for testing.') }],
  },
  {
    name: 'test_prompt_with_arguments',
    description: 'Fixture',
    arguments: [
      { name: 'arg1', required: true },
      { name: 'arg2', required: true },
    ],
    make: ({ arg1, arg2 }) => [
      { role: 'user', content: text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`) },
    ],
  },
  {
    name: 'test_prompt_with_embedded_resource',
    description: 'Fixture',
    arguments: [{ name: 'resourceUri', required: true }],
    make: ({ resourceUri = '' }) => [
      { role: 'user', content: resource(resourceUri, 'text/plain', 'Embedded resource content for testing.') },
      { role: 'user', content: text('Please process the embedded resource above.') },
    ],
  },
  {
    name: 'test_prompt_with_image',
    description: 'Fixture',
    make: () => [
      { role: 'user', content: image },
      { role: 'user', content: text('Please analyze the image above.') },
    ],
  },
];

/** Adds the fixtures to a session's server; everything else is answered by the product as ever. */
export function addConformanceFixtures(server: Server): void {
  const before = handlersOf(server);
  const own = (method: string): Handler => {
    const handler = before.get(method);
    if (handler === undefined) throw new Error(`the product does not answer ${method}`);
    return handler;
  };
  const [listTools, callTool, listResources, listTemplates, readResource, subscribe, unsubscribe] = [
    ...['tools/list', 'tools/call', 'resources/list', 'resources/templates/list', 'resources/read'],
    ...['resources/subscribe', 'resources/unsubscribe'],
  ].map(own) as [Handler, Handler, Handler, Handler, Handler, Handler, Handler];
  const [listPrompts, getPrompt, complete] = ['prompts/list', 'prompts/get', 'completion/complete'].map(own) as [
    Handler,
    Handler,
    Handler,
  ];
  const withMore = async (listed: Promise<Record<string, unknown>>, name: string, more: readonly unknown[]) => {
    const page = await listed;
    return { ...page, [name]: [...(page[name] as unknown[]), ...more] };
  };

  server.setRequestHandler(ListToolsRequestSchema, (request, extra) =>
    withMore(
      listTools(request, extra),
      'tools',
      tools.map(({ tool }) => tool),
    ),
  );
  server.setRequestHandler(CallToolRequestSchema, (request, extra) => {
    const called = tools.find(({ tool }) => tool.name === request.params.name);
    return called === undefined ? callTool(request, extra) : called.run(request.params.arguments ?? {}, server, extra);
  });
  server.setRequestHandler(ListResourcesRequestSchema, (request, extra) =>
    withMore(listResources(request, extra), 'resources', resources),
  );
  server.setRequestHandler(ListResourceTemplatesRequestSchema, (request, extra) =>
    withMore(listTemplates(request, extra), 'resourceTemplates', [
      { uriTemplate: 'test://template/{id}/data', name: 'template', description: 'Fixture' },
    ]),
  );
  server.setRequestHandler(
    ReadResourceRequestSchema,
    async (request, extra) => read(request.params.uri) ?? readResource(request, extra),
  );
  const isFixture = (uri: string): boolean => uri.startsWith('test://');
  server.setRequestHandler(SubscribeRequestSchema, async (request, extra) =>
    isFixture(request.params.uri) ? {} : subscribe(request, extra),
  );
  server.setRequestHandler(UnsubscribeRequestSchema, async (request, extra) =>
    isFixture(request.params.uri) ? {} : unsubscribe(request, extra),
  );
  server.setRequestHandler(ListPromptsRequestSchema, (request, extra) =>
    withMore(
      listPrompts(request, extra),
      'prompts',
      prompts.map(({ make: _make, ...prompt }) => prompt),
    ),
  );
  server.setRequestHandler(GetPromptRequestSchema, async (request, extra) => {
    const prompt = prompts.find(({ name }) => name === request.params.name);
    return prompt === undefined ? getPrompt(request, extra) : { messages: prompt.make(request.params.arguments ?? {}) };
  });
  server.setRequestHandler(CompleteRequestSchema, async (request, extra) =>
    request.params.ref.type === 'ref/prompt' && request.params.ref.name === 'test_prompt_with_arguments'
      ? { completion: { values: ['paris', 'park', 'party'], total: 3, hasMore: false } }
      : complete(request, extra),
  );
}

/** The SDK has no way to ask which handler is there. */
function handlersOf(server: Server): ReadonlyMap<string, Handler> {
  const handlers: unknown = Reflect.get(server, '_requestHandlers');
  if (!(handlers instanceof Map)) throw new Error('the SDK keeps its handlers elsewhere');
  return new Map(handlers);
}
