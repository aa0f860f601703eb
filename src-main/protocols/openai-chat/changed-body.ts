import { EditedObject, isList, isText, withItem, withParagraph } from '../edited-object.ts';
import type { ReasoningEffort } from '../effort.ts';
import { isObject } from '../is-object.ts';
import { type FieldRange, itemsOf } from '../json-envelope.ts';
import { isOpenaiReasoner } from '../openai-models.ts';
import { effortFields } from '../openai-settings.ts';
import {
  type BodyChanges,
  type ChangedBody,
  type ChangeTarget,
  effortFor,
  effortSet,
  leftOut,
  limitFor,
  REFUSED_BEFORE,
  TEXT_ADDED,
  temperatureSet,
} from '../request-changes.ts';
import { reasoningSettings } from './reasoning-settings.ts';

const LIMITS = ['max_tokens', 'max_completion_tokens'] as const;

/** A Chat Completions request with what a rule changes about it. Every other byte stays. */
export function changedChat(raw: Buffer, changes: BodyChanges, target: ChangeTarget): ChangedBody {
  const told: string[] = [];
  const { maxTokens, effort, temperature, system } = changes;
  const body = new EditedObject(raw);
  if (maxTokens !== undefined) setLimit(body, maxTokens, target, told);
  if (effort !== undefined) setEffort(body, effort, target, told);
  if (temperature !== undefined) setTemperature(body, temperature, target, told);
  if (system !== undefined) {
    setSystem(body, system);
    told.push(TEXT_ADDED);
  }
  return { bytes: body.bytes, told };
}

function setLimit(body: EditedObject, wanted: number, target: ChangeTarget, told: string[]): void {
  const standing = LIMITS.filter((name) => typeof body.get(name) === 'number');
  const before = body.get(standing.at(-1) ?? LIMITS[0]);
  const limit = limitFor(wanted, target, before, told);
  const names = standing.length > 0 ? standing : [target.quirks.maxTokensField];
  for (const name of names) body.set([name], limit);
}

/** What says how hard to think, in the words of one server or another. */
const WORDS = ['reasoning_effort', 'reasoning', 'thinking', 'enable_thinking'] as const;

function setEffort(body: EditedObject, wanted: ReasoningEffort, target: ChangeTarget, told: string[]): void {
  const effort = effortFor(wanted, target, told);
  if (effort === undefined) return;
  // What a client says this way, is read before all others.
  if (!target.passesThrough) {
    told.push(effortSet(effort, wanted));
    body.set(['reasoning_effort'], effort);
    return;
  }
  const warnings = new Set<string>();
  const choice = body.get('tool_choice');
  const tools = body.get('tools');
  const limit = LIMITS.map((name) => body.get(name)).find((value) => typeof value === 'number');
  const settings = reasoningSettings(
    { model: target.model, messages: [], ...effortFields(effort), openai: { effort } },
    target,
    {
      tools: Array.isArray(tools) && tools.length > 0,
      forced: choice === 'required' || (isObject(choice) && choice.type === 'function'),
    },
    typeof limit === 'number' ? limit : undefined,
    warnings,
  );
  // A client that says it to a server of which nothing is known, knows more than we do.
  if (Object.keys(settings).length === 0 && !target.quirks.isOpenai && typeof body.get('reasoning_effort') === 'string')
    settings.reasoning_effort = effort;
  const fields = Object.entries(settings);
  if (fields.length === 0 || fields.every(([name]) => target.refused.has(name))) {
    told.push(leftOut('effort', fields.length === 0 ? 'the model is not told how hard to think' : REFUSED_BEFORE));
    return;
  }
  for (const name of WORDS) if (!Object.hasOwn(settings, name)) body.remove(name);
  for (const [name, value] of fields) {
    const given = body.get(name);
    if (!isObject(value)) body.set([name], value);
    else {
      const { effort: _, max_tokens: __, enabled: ___, ...rest } = isObject(given) ? given : {};
      body.set([name], { ...rest, ...value });
    }
  }
  told.push(...warnings, effortSet(settings.reasoning_effort ?? effort, wanted));
}

function setTemperature(body: EditedObject, wanted: number, target: ChangeTarget, told: string[]): void {
  const before = body.get('temperature');
  const effort = body.get('reasoning_effort');
  if (target.passesThrough && isOpenaiReasoner(target) && effort !== 'none')
    told.push(leftOut('temperature', 'the model takes none while it thinks'));
  else if (target.refused.has('temperature')) told.push(leftOut('temperature', REFUSED_BEFORE));
  else {
    told.push(temperatureSet(wanted, before));
    body.set(['temperature'], wanted);
  }
}

/**
 * The text goes on with the last message that stands before the conversation and instructs; where there is none, it becomes
 * one. It is no further message: the templates of many models take only one, at the beginning ("System message must be at the
 * beginning", moltis-org/moltis issue 317).
 */
function setSystem(body: EditedObject, text: string): void {
  const messages = body.written('messages');
  if (messages === null || !isList(messages)) return;
  let last: FieldRange | null = null;
  let isEmpty = true;
  for (const item of itemsOf(messages, 0)) {
    isEmpty = false;
    const role = new EditedObject(messages.subarray(item.start, item.end)).get('role');
    if (role !== 'system' && role !== 'developer') break;
    last = item;
  }
  const added = last === null ? `${JSON.stringify({ role: 'system', content: text })}${isEmpty ? '' : ','}` : '';
  const { start, end } = last ?? { start: 1, end: 1 };
  const changed = last === null ? Buffer.from(added) : withText(messages.subarray(start, end), text);
  body.write('messages', Buffer.concat([messages.subarray(0, start), changed, messages.subarray(end)]));
}

function withText(written: Buffer, text: string): Buffer {
  const message = new EditedObject(written);
  const content = message.written('content');
  if (content !== null && isText(content)) message.write('content', withParagraph(content, text));
  else if (content !== null && isList(content)) message.write('content', withItem(content, { type: 'text', text }));
  else message.set(['content'], text);
  return message.bytes;
}
