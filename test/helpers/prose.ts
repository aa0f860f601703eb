const words =
  'the user wants me to look at file and check whether this function returns what tests expect because error says that value is missing there so I should read it first then change line where loop begins run again see'.split(
    ' ',
  );

/** Prose of so many characters, the same for the same seed. */
export function proseOf(characters: number, seed: number): string {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  let text = '';
  while (text.length < characters) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += `${words[state % words.length]}${state % 11 === 0 ? (state >>> 16) % 1000 : ''} `;
  }
  return text.slice(0, characters);
}
