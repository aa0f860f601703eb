import type { ContentBlock, Message, TextBlock, ToolUseBlock } from './canonical.ts';
import { placeOfText, type ReasoningBlock, type Recall, type RememberedTurn, textOfPlace } from './remembered-turn.ts';
import { type KeyedUse, turnKey } from './turn-key.ts';
import { blocksOf } from './turns.ts';

/** Who gets the conversation, and from whom. */
export interface RestoreTarget {
  /** Id of the provider, and name of the model there. */
  provider: string;
  model: string;
  /** It takes thinking that has no signature. */
  takesUnsigned: boolean;
  /** It takes texts with their `phase` (Responses). */
  takesPhases: boolean;
  /** The client may have lost a part of an answer's reasoning, without meaning to. */
  losesParts: boolean;
}

export interface RestoredTurns {
  messages: Message[];
  /** How many turns got reasoning back. */
  turns: number;
}

/** What is remembered of an answer with these calls, where this target made it; else null. */
export function turnOf(
  uses: readonly KeyedUse[],
  { provider, model }: { provider: string; model: string },
  recall: Recall,
): RememberedTurn | null {
  const turn = recall(turnKey(uses));
  return turn?.provider === provider && turn.model === model ? turn : null;
}

/** Whether an answer in a conversation calls tools: of no other is anything remembered. */
export const holdsCalls = (messages: readonly Message[]): boolean =>
  messages.some(
    ({ role, content }) =>
      role === 'assistant' && typeof content !== 'string' && content.some(({ type }) => type === 'tool_use'),
  );

/**
 * Puts back what the client has lost of this target's own answers: their reasoning, where an answer has come back without any,
 * with nothing but its text, or with some pieces of it, and the phases of their texts. An answer that is not remembered, or not
 * this target's, stays as it is; so does reasoning that is not what is remembered. Each is restored by itself, so what has
 * been sent stays the same when the conversation grows.
 *
 * @returns the same array where nothing is missing; what is given is not changed.
 */
export function restoreTurns(messages: Message[], target: RestoreTarget, recall: Recall): RestoredTurns {
  const restored: Message[] = [];
  let changed = false;
  let turns = 0;
  for (let index = 0; index < messages.length; ) {
    const message = messages[index] as Message;
    const start = index;
    index += 1;
    if (message.role !== 'assistant') {
      restored.push(message);
      continue;
    }
    // Some clients send what one answer said as several messages.
    while (messages[index]?.role === 'assistant') index += 1;
    const run = messages.slice(start, index);
    const answer = restoredAnswer(run, target, recall);
    if (answer === null) {
      restored.push(...run);
      continue;
    }
    changed = true;
    if (answer.reasoning) turns += 1;
    restored.push({ ...message, content: answer.content });
  }
  return { messages: changed ? restored : messages, turns };
}

/** What an answer has come back with. */
interface Returned {
  blocks: readonly ContentBlock[];
  uses: readonly ToolUseBlock[];
  /** Blank ones left out. */
  texts: readonly TextBlock[];
  reasoning: readonly ReasoningBlock[];
}

function returned(run: readonly Message[]): Returned | null {
  const blocks: ContentBlock[] = [];
  const uses: ToolUseBlock[] = [];
  const texts: TextBlock[] = [];
  const reasoning: ReasoningBlock[] = [];
  for (const { content } of run)
    for (const block of blocksOf(content)) {
      blocks.push(block);
      if (block.type === 'tool_use') uses.push(block);
      else if (isSaid(block)) texts.push(block);
      else if (isReasoning(block)) reasoning.push(block);
    }
  return uses.length === 0 ? null : { blocks, uses, texts, reasoning };
}

/** Null where nothing is put back. */
function restoredAnswer(
  run: readonly Message[],
  target: RestoreTarget,
  recall: Recall,
): { content: ContentBlock[]; reasoning: boolean } | null {
  const answer = returned(run);
  if (answer === null) return null;
  const { blocks, uses, texts, reasoning } = answer;
  const lacksReasoning = target.losesParts || reasoning.every((block) => stateOf(block) === '');
  const lacksPhases = target.takesPhases && texts.length > 0 && texts.every(({ openai }) => !openai?.phase);
  if (!lacksReasoning && !lacksPhases) return null;
  const turn = turnOf(uses, target, recall);
  if (turn === null) return null;
  const givesReasoning = lacksReasoning && isMissing(turn, reasoning, target);
  const phases = lacksPhases && turn.phases?.length === texts.length ? turn.phases : null;
  if (!givesReasoning && phases === null) return null;
  const phased = phases === null ? [...blocks] : withPhases(blocks, phases);
  return { content: givesReasoning ? withReasoning(phased, turn, texts.length) : phased, reasoning: givesReasoning };
}

const isSaid = (block: ContentBlock): block is TextBlock => block.type === 'text' && /\S/.test(block.text);
const isReasoning = (block: ContentBlock): block is ReasoningBlock =>
  block.type === 'thinking' || block.type === 'redacted_thinking';
/** A signature, or a packed state. */
const stateOf = (block: ReasoningBlock): string => (block.type === 'thinking' ? block.signature : block.data) || '';

/** Whether what is remembered says more to the target than what has come back, all of which must be a part of it. */
function isMissing(
  turn: RememberedTurn,
  reasoning: readonly ReasoningBlock[],
  { takesUnsigned }: RestoreTarget,
): boolean {
  const remembered = Object.values(turn.reasoning).flat();
  const states = remembered.map(stateOf).filter((state) => state !== '');
  // Clients join the texts of several blocks, or part them, as they like.
  const thoughts = remembered.map(thoughtOf).join('');
  const isPart = reasoning.every((block) => {
    const state = stateOf(block);
    return state === '' ? thoughts.includes(thoughtOf(block)) : states.includes(state);
  });
  if (!isPart) return false;
  if (states.length > 0) {
    const isCut = (block: ReasoningBlock): boolean =>
      remembered.some((own) => stateOf(own) === stateOf(block) && thoughtOf(own).length > thoughtOf(block).length);
    const signed = reasoning.filter((block) => stateOf(block) !== '');
    return signed.length < states.length || signed.some(isCut);
  }
  return takesUnsigned && reasoning.map(thoughtOf).join('').length < thoughts.length;
}

const thoughtOf = (block: ReasoningBlock): string =>
  block.type === 'thinking' ? block.thinking.replace(/\s+/g, '') : '';

function withReasoning(blocks: readonly ContentBlock[], { reasoning }: RememberedTurn, texts: number): ContentBlock[] {
  const at = (place: string): readonly ReasoningBlock[] =>
    Object.hasOwn(reasoning, place) ? (reasoning[place] ?? []) : [];
  // Of the texts that the client has made one of, the calls are what is left to stand before.
  let homeless = Object.keys(reasoning).filter((place) => (textOfPlace(place) ?? -1) >= texts);
  const restored: ContentBlock[] = [...at('')];
  let said = 0;
  for (const block of blocks) {
    if (isReasoning(block)) continue;
    if (isSaid(block)) {
      restored.push(...at(placeOfText(said)));
      said += 1;
    } else if (block.type === 'tool_use') {
      restored.push(...homeless.flatMap(at), ...at(block.id));
      homeless = [];
    }
    restored.push(block);
  }
  return restored;
}

function withPhases(blocks: readonly ContentBlock[], phases: readonly (string | null)[]): ContentBlock[] {
  let said = 0;
  return blocks.map((block) => {
    if (!isSaid(block)) return block;
    const phase = phases[said] ?? null;
    said += 1;
    return phase === null ? block : { ...block, openai: { ...block.openai, phase } };
  });
}
