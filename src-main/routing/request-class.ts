import type { RoutingFacts } from '../../src-shared/routing.ts';
import type { RequestClass } from '../../src-shared/rules.ts';
import type { FieldRange } from '../protocols/json-envelope.ts';
import type { OfferedTool } from '../protocols/offered-tools.ts';
import type { Turns } from '../protocols/read-turns.ts';
import type { RequestBody } from '../protocols/request-body.ts';
import type { HeaderFacts } from './header-facts.ts';

/** What kind of request it is, and how that is known. */
export interface Classified {
  readonly class: RequestClass;
  readonly source: RoutingFacts['classSource'];
}

/** What it is known by. */
export interface ClassSigns {
  readonly body: RequestBody;
  readonly headers: HeaderFacts;
  readonly tools: readonly OfferedTool[];
  readonly turns: Turns;
  readonly thinking: boolean;
}

/** `x-claude-code-request-class`, as Claude Code's page on gateways lists it. */
const CLASSES: ReadonlyMap<string, RequestClass> = new Map([
  ['main', 'main'],
  ['subagent', 'subagent'],
  ['workflow', 'subagent'],
  ['compaction', 'compaction'],
]);

/** `x-openai-subagent` of Codex, for whatever does not belong to the conversation itself; all others are agents. */
const CODEX_CLASSES: ReadonlyMap<string, RequestClass> = new Map([
  ['compact', 'compaction'],
  ['memory_consolidation', 'background'],
]);

/** How requests for a summary begin: Claude Code (measured, and in earlier versions), Codex (`templates/compact/prompt.md`). */
const SUMMARY_BEGINNINGS = [
  'CRITICAL: Respond with TEXT ONLY',
  'Your task is to create a detailed summary of',
  'You are performing a CONTEXT CHECKPOINT COMPACTION',
];
/** Of a conversation: a detailed summary of something else is work like any other. */
const SUMMARY_WORDS =
  /detailed summary of (?:the|this|our) (?:recent portion of (?:the|this|our) )?conversation|CONTEXT CHECKPOINT COMPACTION/i;
const SUMMARY_BYTES = 1500;

/** How instructions for a summary or a title begin, with which nothing else is asked: Claude Code, opencode (`agent/prompt/*.txt`). */
const SUMMARY_INSTRUCTIONS = ['You are a helpful AI assistant tasked with summarizing conversations'];
const TITLE_INSTRUCTIONS = [
  'Generate a concise, sentence-case title',
  'Analyze if this message indicates a new conversation topic',
  'You are a title generator. You output ONLY a thread title',
];
const TITLE_BEGINNINGS = ['Please write a 5-10 word title for the following conversation'];

/** Claude Code's small jobs have no more; its turns come with a system prompt that is longer. */
const SMALL_BYTES = 16 * 1024;

/**
 * A client that says which kind it is, is believed. Otherwise it is inferred, and what nothing speaks of is a turn of the
 * conversation: that one goes to a lesser model by mistake is worse than that a small job goes to a better one.
 */
export function classify(signs: ClassSigns): Classified {
  const { requestClass, compaction, codexSubagent } = signs.headers;
  const said = requestClass === null ? undefined : CLASSES.get(requestClass);
  if (said !== undefined) return bySaying(said, `x-claude-code-request-class says ${requestClass}`);
  if (compaction !== null) return bySaying('compaction', 'x-claude-code-compaction is there');
  if (codexSubagent !== null)
    return bySaying(
      CODEX_CLASSES.get(codexSubagent) ?? 'subagent',
      `x-openai-subagent says ${shortened(codexSubagent)}`,
    );
  const inferred = infer(signs);
  if (requestClass === null) return inferred;
  const word = `x-claude-code-request-class says ${shortened(requestClass)}`;
  // Of what is asked beside the conversation, only the kind is to be found out.
  if (requestClass === 'auxiliary')
    return inferred.class === 'main'
      ? bySaying('background', word)
      : bySaying(inferred.class, `${word}, and ${inferred.source.why}`);
  return { ...inferred, source: { from: 'inferred', why: `${inferred.source.why} (${word})` } };
}

function infer({ body, headers, tools, turns, thinking }: ClassSigns): Classified {
  const { raw } = body;
  const { client } = headers;
  const [tool, another] = tools;
  if (client === 'claude-code' && tool?.type?.startsWith('web_search') === true && another === undefined)
    return inferredAs('web-search', "the provider's web search is the only tool");
  if (tool === undefined && stopsAtSeverity(body))
    return inferredAs('classifier', 'it stops at </severity> and has no tools');
  if (turns.lastType === 'compaction_trigger') return inferredAs('compaction', 'its last item is a compaction_trigger');
  if (asksForSummary(raw, turns.lastText)) return inferredAs('compaction', 'its last message asks for a summary');
  if (tool === undefined) {
    const instructions = [body.rangeOf('system'), body.rangeOf('instructions'), ...turns.instructions];
    const begin = (beginnings: readonly string[]): boolean =>
      instructions.some((range) => range !== null && beginnings.some((words) => hasTextWith(raw, range, words)));
    if (begin(SUMMARY_INSTRUCTIONS)) return inferredAs('compaction', 'its instructions are to summarise');
    if (begin(TITLE_INSTRUCTIONS)) return inferredAs('title', 'its instructions are to find a title');
    if (TITLE_BEGINNINGS.some((words) => begins(raw, turns.lastText, words)))
      return inferredAs('title', 'it asks for a title');
  }
  if (headers.agent !== null) return inferredAs('subagent', 'x-claude-code-agent-id is there');
  if (headers.parentSession !== null) return inferredAs('subagent', 'x-parent-session-id is there');
  const isSmall = tool === undefined && turns.answers === 0 && raw.length <= SMALL_BYTES;
  if (client === 'claude-code' && isSmall && !thinking && /haiku/i.test(body.model))
    return inferredAs('background', 'a small question to a haiku, with neither tools nor thinking');
  return inferredAs('main', 'nothing speaks of another');
}

/** Of Claude Code's check of what a command may do (measured). */
function stopsAtSeverity(body: RequestBody): boolean {
  const stops = body.setting('stop_sequences');
  return Array.isArray(stops) && stops.includes('</severity>');
}

function asksForSummary(raw: Buffer, text: FieldRange | null): boolean {
  if (text === null || !SUMMARY_BEGINNINGS.some((words) => begins(raw, text, words))) return false;
  return SUMMARY_WORDS.test(raw.toString('latin1', text.start, Math.min(text.end, text.start + SUMMARY_BYTES)));
}

/** @param text in its quotes. */
const begins = (raw: Buffer, text: FieldRange | null, words: string): boolean =>
  text !== null && raw.toString('latin1', text.start + 1, Math.min(text.end, text.start + 1 + words.length)) === words;

const BACKSLASH = 0x5c;

/** Whether one of the texts in a value begins with these words. A quote inside of a text is escaped. */
function hasTextWith(raw: Buffer, { start, end }: FieldRange, words: string): boolean {
  const sign = `"${words}`;
  const value = raw.subarray(start, Math.min(end, start + SMALL_BYTES));
  for (let at = value.indexOf(sign); at !== -1; at = value.indexOf(sign, at + 1))
    if (at === 0 || value[at - 1] !== BACKSLASH) return true;
  return false;
}

const bySaying = (kind: RequestClass, why: string): Classified => ({ class: kind, source: { from: 'header', why } });

const inferredAs = (kind: RequestClass, why: string): Classified => ({
  class: kind,
  source: { from: 'inferred', why },
});

const shortened = (word: string): string => word.slice(0, 64);
