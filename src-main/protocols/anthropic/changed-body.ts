import type { Effort, MessagesRequest } from '../canonical.ts';
import { isBlank } from '../content-text.ts';
import { EditedObject, isList, isText, withItem } from '../edited-object.ts';
import { isEffort, type ReasoningEffort } from '../effort.ts';
import { isObject } from '../is-object.ts';
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
import { calledWithoutThinking } from './messages.ts';
import { type ModelRules, rulesFor } from './model-rules.ts';
import { LARGEST_SHARE, planThinking, SMALLEST_BUDGET } from './thinking.ts';
import { withThinkingOff } from './tool-loop.ts';

/** A Messages request with what a rule changes about it. Every other byte stays. */
export function changedMessages(raw: Buffer, changes: BodyChanges, target: ChangeTarget): ChangedBody {
  const told: string[] = [];
  const { maxTokens, effort, temperature, system } = changes;
  const body = new EditedObject(raw);
  const before = body.get('max_tokens');
  const limit = maxTokens === undefined ? undefined : limitFor(maxTokens, target, before, told);
  if (effort !== undefined) setEffort(body, effort, limit ?? before, target, told);
  if (limit !== undefined) setLimit(body, limit, target, told);
  if (temperature !== undefined) setTemperature(body, temperature, target, told);
  if (system !== undefined) {
    addSystem(body, system);
    told.push(TEXT_ADDED);
  }
  return { bytes: body.bytes, told };
}

/** The text is a block of its own after all others: what stands before it stays as it is cached. */
function addSystem(body: EditedObject, text: string): void {
  const written = body.written('system');
  const block = { type: 'text', text };
  if (written !== null && isList(written)) body.write('system', withItem(written, block));
  // A text of nothing but space is refused as a block.
  else if (written !== null && isText(written) && !isBlank(String(body.get('system')))) {
    const own = [Buffer.from('[{"type":"text","text":'), written, Buffer.from(`},${JSON.stringify(block)}]`)];
    body.write('system', Buffer.concat(own));
  } else body.set(['system'], text);
}

/** A budget for thinking must be less than the limit. */
function setLimit(body: EditedObject, limit: number, { passesThrough }: ChangeTarget, told: string[]): void {
  body.set(['max_tokens'], limit);
  const budget = body.get('thinking', 'budget_tokens');
  if (!passesThrough || typeof budget !== 'number' || budget < limit) return;
  const smaller = Math.floor(limit * LARGEST_SHARE);
  if (smaller >= SMALLEST_BUDGET) {
    told.push(`thinking budget ${smaller.toLocaleString('en-US')}, to leave room for the answer`);
    body.set(['thinking', 'budget_tokens'], smaller);
  } else {
    told.push('thinking off: there is no room for it');
    switchThinkingOff(body);
  }
}

function setEffort(
  body: EditedObject,
  wanted: ReasoningEffort,
  limit: unknown,
  target: ChangeTarget,
  told: string[],
): void {
  const effort = effortFor(wanted, target, told);
  if (effort === undefined) return;
  if (target.passesThrough) {
    setOwnEffort(body, effort, limit, target, told);
    return;
  }
  const { thinking, output_config: output } = effortFields(effort);
  const display = body.get('thinking', 'display');
  const keeps = thinking?.type !== 'disabled' && typeof display === 'string';
  body.set(['thinking'], keeps ? { ...thinking, display } : thinking);
  if (output?.effort != null) body.set(['output_config', 'effort'], output.effort);
  told.push(effortSet(output?.effort ?? effort, wanted));
}

/** In the way that this model takes. */
function setOwnEffort(
  body: EditedObject,
  wanted: ReasoningEffort,
  limit: unknown,
  { model, facts, refused }: ChangeTarget,
  told: string[],
): void {
  const rules = rulesFor(model);
  if (rules.thinking.length === 0) {
    if (wanted !== 'none') told.push(leftOut('effort', 'the model cannot think'));
    return;
  }
  const given = body.get('thinking');
  const before = isObject(given) ? given : {};
  const choice = body.get('tool_choice', 'type');
  const demandsTool = choice === 'any' || choice === 'tool';
  const thinksNow = thinks(rules, before.type);
  if (wanted !== 'none' && demandsTool && !thinksNow) {
    told.push(leftOut('effort', 'the model does not think where it must call a tool'));
    return;
  }
  const warnings = new Set<string>();
  const display = before.display === 'omitted' ? 'omitted' : 'summarized';
  const own = body.get('output_config', 'effort');
  const asked: Pick<MessagesRequest, 'thinking' | 'output_config'> =
    wanted === 'none'
      ? { thinking: { type: 'disabled' }, ...(isSaid(own) ? { output_config: { effort: own } } : {}) }
      : { ...effortFields(wanted), thinking: { type: 'adaptive', display } };
  const plan = planThinking(
    { model, messages: [], ...asked },
    rules,
    { facts, refused },
    {
      limit: typeof limit === 'number' ? limit : Number.POSITIVE_INFINITY,
      calledWithoutThinking: !rules.thinking.includes('adaptive') && lastCallLacksThinking(body),
      demandsTool,
    },
    warnings,
  );
  told.push(...warnings);
  if (!plan.on) {
    if (thinksNow) {
      switchThinkingOff(body);
      told.push('thinking off');
    }
  } else if (plan.field !== undefined && (plan.field.type !== before.type || plan.field.type === 'enabled')) {
    const { type: _, budget_tokens: __, ...rest } = before;
    body.set(['thinking'], { ...(plan.field.type === 'between_tools' ? {} : rest), ...plan.field });
  }
  if (plan.effort !== undefined) body.set(['output_config', 'effort'], plan.effort);
  if (plan.on) told.push(effortSet(plan.effort ?? wanted, wanted));
  if (plan.on && !thinksNow) removeSampling(body, rules, told);
}

const isSaid = (effort: unknown): effort is Effort => isEffort(effort) && effort !== 'none' && effort !== 'minimal';

/** With what goes with thinking only. */
function switchThinkingOff(body: EditedObject): void {
  const names = ['messages', 'context_management', 'output_config'] as const;
  const before = Object.fromEntries(names.filter((name) => body.has(name)).map((name) => [name, body.get(name)]));
  const { thinking, ...after } = withThinkingOff(before);
  body.set(['thinking'], thinking);
  for (const name of names)
    if (body.has(name) && JSON.stringify(after[name]) !== JSON.stringify(before[name])) {
      if (after[name] === undefined) body.remove(name);
      else body.set([name], after[name]);
    }
}

function lastCallLacksThinking(body: EditedObject): boolean {
  const messages = body.get('messages');
  if (!Array.isArray(messages)) return false;
  const spoken = messages.filter(isObject).flatMap(({ role, content }) => {
    if ((role !== 'assistant' && role !== 'user') || !Array.isArray(content)) return [];
    return [{ role, content: content.filter(isObject) as never[] } as const];
  });
  return calledWithoutThinking({ messages: spoken });
}

const isClaude = ({ sampling }: ModelRules): boolean => sampling !== 'any';

/** @param type of the request's `thinking`; undefined: it has none. */
const thinks = ({ thinking, thinksUnasked }: ModelRules, type: unknown): boolean =>
  thinking.length > 0 && (type === undefined || type === null ? thinksUnasked : type !== 'disabled');

/** The client's own, which is refused beside thinking that it has not asked for. */
function removeSampling(body: EditedObject, rules: ModelRules, told: string[]): void {
  if (!isClaude(rules)) return;
  for (const name of ['temperature', 'top_p', 'top_k']) {
    if (!body.has(name)) continue;
    body.remove(name);
    told.push(leftOut(name, 'the model thinks'));
  }
}

function setTemperature(body: EditedObject, wanted: number, target: ChangeTarget, told: string[]): void {
  const before = body.get('temperature');
  const rules = rulesFor(target.model);
  const why = target.passesThrough ? whyNoTemperature(rules, body.get('thinking', 'type'), target) : null;
  if (why !== null) {
    told.push(leftOut('temperature', why));
    return;
  }
  const sent = target.passesThrough && isClaude(rules) ? Math.min(wanted, 1) : wanted;
  told.push(temperatureSet(sent, before));
  body.set(['temperature'], sent);
  if (!target.passesThrough || rules.sampling !== 'one' || !body.has('top_p')) return;
  told.push(leftOut('top_p', 'the model takes either temperature or top_p'));
  body.remove('top_p');
}

function whyNoTemperature(rules: ModelRules, thinking: unknown, { refused }: ChangeTarget): string | null {
  if (refused.has('temperature')) return REFUSED_BEFORE;
  if (rules.sampling === 'none') return 'the model does not take it';
  return isClaude(rules) && thinks(rules, thinking) ? 'the model thinks' : null;
}
