import type { Usage } from '../canonical.ts';
import { isObject } from '../is-object.ts';
import { ListCache } from '../list-cache.ts';
import { toolsInInput } from './client-input.ts';
import { type ToolForm, toolForms } from './client-tools.ts';
import { encodeUsage } from './client-usage.ts';

/** What an answer needs of its request: the fields that a response repeats, and how its tools are called. */
export interface Echo {
  /** Fields of a response, as the inside of a JSON object. Made when it is first asked for. */
  readonly json: string;
  /** The same without instructions and tools, which are long: a stream repeats those in its last event alone. */
  readonly brief: string;
  readonly forms: ReadonlyMap<string, ToolForm>;
}

const writtenTools = new ListCache<string>();

const toolsJson = (tools: unknown): string =>
  Array.isArray(tools) ? writtenTools.of(tools, '', () => JSON.stringify(tools)) : '[]';

/** Keeps nothing of the conversation. */
export function echoOf(body: Readonly<Record<string, unknown>>): Echo {
  const { tools } = body;
  const fields = {
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: { effort: null, summary: null, ...(isObject(body.reasoning) ? body.reasoning : {}) },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: body.service_tier ?? null,
    store: false,
    temperature: body.temperature ?? null,
    text: { format: { type: 'text' }, ...(isObject(body.text) ? body.text : {}) },
    tool_choice: body.tool_choice ?? 'auto',
    top_logprobs: body.top_logprobs ?? null,
    top_p: body.top_p ?? null,
    truncation: body.truncation ?? 'disabled',
    user: body.user ?? null,
    metadata: body.metadata ?? {},
  };
  const added = toolsInInput(body.input);
  const written = (repeated: object, toolsWritten: string): string =>
    `${JSON.stringify(repeated).slice(1, -1)},"tools":${toolsWritten}`;
  let json: string | null = null;
  return {
    get json() {
      json ??= written(fields, toolsJson(tools));
      return json;
    },
    get brief() {
      return written({ ...fields, instructions: null }, '[]');
    },
    forms: toolForms(added.length > 0 && Array.isArray(tools) ? [...tools, ...added] : (tools ?? added)),
  };
}

/** What names a response, the same in all its events. */
export interface ResponseHead {
  id: string;
  /** Unix time in seconds. */
  createdAt: number;
  model: string;
}

export interface ResponseState {
  status: 'in_progress' | 'completed' | 'incomplete' | 'failed';
  error?: { code: string; message: string };
  /** Why it is incomplete. */
  reason?: 'max_output_tokens' | 'content_filter';
  /** Items, each as JSON. */
  output: readonly string[];
  usage: Usage | null;
}

/** A response, as JSON. */
export function responseJson({ id, createdAt, model }: ResponseHead, state: ResponseState, echo: string): string {
  const { status, error, reason, output, usage } = state;
  const completedAt = status === 'completed' ? Math.floor(Date.now() / 1000) : null;
  return `{"id":"${id}","object":"response","created_at":${createdAt},"status":"${status}","background":false,"completed_at":${completedAt},"error":${
    error === undefined ? 'null' : JSON.stringify(error)
  },"incomplete_details":${reason === undefined ? 'null' : `{"reason":"${reason}"}`},"model":${JSON.stringify(model)},"output":[${output.join(',')}],"usage":${
    usage === null ? 'null' : encodeUsage(usage)
  }${echo === '' ? '' : `,${echo}`}}`;
}
