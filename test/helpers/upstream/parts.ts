import type { AnswerStep, Wire } from './step.ts';

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
