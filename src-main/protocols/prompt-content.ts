import type { ContentBlock, DocumentBlock, ImageBlock, MessagesRequest, Tool } from './canonical.ts';
import { searchResultText, systemBlocks, toolReferenceText } from './content-text.ts';
import { toolDefinition } from './typed-tools.ts';

/** What of a request a model reads, and what is therefore counted as its input. */
export interface PromptContent {
  /** Everything it reads as text: system, messages, thinking, calls and their results. */
  readonly texts: readonly string[];
  /** Definitions of tools and of the answer's form, each as JSON. */
  readonly tools: readonly string[];
  readonly images: readonly ImageBlock[];
  /** Documents that are not text. */
  readonly documents: readonly DocumentBlock[];
  readonly messages: number;
  /** Calls of tools and their results. */
  readonly steps: number;
}

type Prompt = Pick<MessagesRequest, 'system' | 'messages' | 'tools' | 'output_config' | 'openai'>;
type Content = string | readonly ContentBlock[] | null | undefined;

/**
 * Thinking counts, of earlier answers too: newer models and most vendors read all of it. What carries it in a form that only
 * its maker reads (signatures, encrypted content) is no text and is left out.
 */
export function promptContent({ system, messages, tools, output_config, openai }: Prompt): PromptContent {
  const texts: string[] = [];
  const definitions: string[] = [];
  const images: ImageBlock[] = [];
  const documents: DocumentBlock[] = [];
  let steps = 0;

  const addText = (text: unknown): void => {
    if (typeof text === 'string' && text !== '') texts.push(text);
  };
  const addJson = (value: unknown): void => addText(JSON.stringify(value));

  const addDocument = (block: DocumentBlock): void => {
    addText(block.title);
    addText(block.context);
    if (block.source.type === 'text') addText(block.source.data);
    else if (block.source.type === 'content') addContent(block.source.content);
    else documents.push(block);
  };

  const addBlock = (block: ContentBlock): void => {
    switch (block.type) {
      case 'text':
        addText(block.text);
        break;
      case 'thinking':
        addText(block.thinking);
        break;
      case 'redacted_thinking':
        break;
      case 'image':
        images.push(block);
        break;
      case 'document':
        addDocument(block);
        break;
      case 'tool_use':
      case 'server_tool_use':
        steps += 1;
        addText(block.name);
        addJson(block.input);
        break;
      case 'tool_result':
        steps += 1;
        addContent(block.content);
        break;
      case 'search_result':
        addText(searchResultText(block));
        break;
      case 'tool_reference':
        addText(toolReferenceText(block));
        break;
      case 'web_search_tool_result':
        steps += 1;
        addSearch(block.content);
        break;
      default:
        // Blocks that are not known here: betas, other servers' tools.
        addJson(block);
    }
  };

  const addSearch = (found: Extract<ContentBlock, { type: 'web_search_tool_result' }>['content']): void => {
    if (!Array.isArray(found)) addJson(found);
    // The pages themselves are encrypted, for Anthropic alone.
    else for (const { encrypted_content: _, ...shown } of found) addJson(shown);
  };

  function addContent(content: Content): void {
    if (typeof content === 'string') addText(content);
    // What may be left out may also be null.
    else if (Array.isArray(content)) for (const block of content) addBlock(block);
  }

  for (const { text } of systemBlocks(system)) addText(text);
  for (const { content } of messages) addContent(content);
  for (const tool of tools ?? []) definitions.push(toolJson(tool));
  for (const schema of [output_config?.format?.schema, formatSchema(openai?.format)])
    if (schema !== undefined) definitions.push(JSON.stringify(schema));
  return { texts, tools: definitions, images, documents, messages: messages.length, steps };
}

const formatSchema = (format: NonNullable<Prompt['openai']>['format']): unknown =>
  format?.type === 'json_schema' ? format.schema : undefined;

function toolJson(tool: Tool): string {
  const definition = toolDefinition(tool);
  if (definition !== null)
    return JSON.stringify({
      name: tool.name,
      description: definition.description,
      input_schema: definition.schema,
      ...(tool.openai?.custom === undefined ? {} : { format: tool.openai.custom.format }),
    });
  const { cache_control: _, openai, ...own } = tool;
  return JSON.stringify(openai?.builtin ?? own);
}
