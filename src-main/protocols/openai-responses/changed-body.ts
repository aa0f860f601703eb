import { EditedObject, isText, withParagraph } from '../edited-object.ts';
import type { ReasoningEffort } from '../effort.ts';
import { isOpenaiReasoner } from '../openai-models.ts';
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

/** OpenAI refuses less. Tokens. */
const LEAST_OUTPUT = 16;

/** A Responses request with what a rule changes about it. Every other byte stays. */
export function changedResponses(raw: Buffer, changes: BodyChanges, target: ChangeTarget): ChangedBody {
  const told: string[] = [];
  const { maxTokens, effort, temperature, system } = changes;
  const body = new EditedObject(raw);
  if (maxTokens !== undefined) {
    const limit = limitFor(Math.max(maxTokens, LEAST_OUTPUT), target, body.get('max_output_tokens'), told);
    body.set(['max_output_tokens'], limit);
  }
  if (effort !== undefined) setEffort(body, effort, target, told);
  if (temperature !== undefined) setTemperature(body, temperature, target, told);
  if (system !== undefined) {
    const instructions = body.written('instructions');
    if (instructions !== null && isText(instructions)) body.write('instructions', withParagraph(instructions, system));
    else body.set(['instructions'], system);
    told.push(TEXT_ADDED);
  }
  return { bytes: body.bytes, told };
}

function setEffort(body: EditedObject, wanted: ReasoningEffort, target: ChangeTarget, told: string[]): void {
  const effort = effortFor(wanted, target, told);
  if (effort === undefined) return;
  const isRefused = target.refused.has('reasoning') || target.refused.has('reasoning.effort');
  if (target.passesThrough && target.quirks.isOpenai && !isOpenaiReasoner(target))
    told.push(leftOut('effort', 'the model cannot think'));
  else if (target.passesThrough && isRefused) told.push(leftOut('effort', REFUSED_BEFORE));
  else {
    told.push(effortSet(effort, wanted));
    body.set(['reasoning', 'effort'], effort);
  }
}

function setTemperature(body: EditedObject, wanted: number, target: ChangeTarget, told: string[]): void {
  const thinks = isOpenaiReasoner(target) && body.get('reasoning', 'effort') !== 'none';
  if (target.passesThrough && thinks) told.push(leftOut('temperature', 'the model takes none while it thinks'));
  else if (target.refused.has('temperature')) told.push(leftOut('temperature', REFUSED_BEFORE));
  else {
    told.push(temperatureSet(wanted, body.get('temperature')));
    body.set(['temperature'], wanted);
  }
}
