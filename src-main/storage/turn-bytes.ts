import type { RememberedTurn } from '../protocols/remembered-turn.ts';

/** What an object, its fields and its place in a map take beside its texts; a generous guess. */
const PER_OBJECT = 120;

/** Memory that a turn takes, in bytes: at most, as most texts need one byte for a character and not two. */
export function turnBytes({ provider, model, reasoning, phases }: RememberedTurn): number {
  let characters = provider.length + model.length;
  let objects = 2 + (phases?.length ?? 0);
  for (const id in reasoning) {
    characters += id.length;
    for (const block of reasoning[id] ?? []) {
      objects += 1;
      characters += block.type === 'thinking' ? block.thinking.length + block.signature.length : block.data.length;
    }
  }
  return 2 * characters + PER_OBJECT * objects;
}
