import type { AnswerStep, ToolPart, Wire } from './step.ts';

/** A text cut into deltas, never inside a surrogate pair: JSON strings would not survive that. */
export function fragments(text: string, wire: Wire): string[] {
  const size = wire.fragment ?? 24;
  const characters = [...text];
  const pieces: string[] = [];
  for (let at = 0; at < characters.length; at += size) pieces.push(characters.slice(at, at + size).join(''));
  return pieces;
}

export function stopReasonOf(step: AnswerStep): string {
  return step.stopReason ?? (step.content.some((part) => part.type === 'tool_use') ? 'tool_use' : 'end_turn');
}

/** A tool's arguments as the dialects that carry them as text do. */
export const argumentsOf = (tool: ToolPart): string =>
  typeof tool.input === 'string' ? tool.input : JSON.stringify(tool.input);

/** The first of each list, the second of each, and so on. */
export function takeTurns<Value>(lists: readonly (readonly Value[])[]): Value[] {
  const rounds = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: rounds }, (_, round) => lists.flatMap((list) => list.slice(round, round + 1))).flat();
}
