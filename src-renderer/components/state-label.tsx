export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'quiet';

/** A state in words, with a mark whose shape and colour repeat it. */
export function StateLabel({ tone, children }: { tone: Tone; children: string }) {
  return (
    <span className={`state ${tone}`}>
      <span className="mark" aria-hidden="true" />
      {children}
    </span>
  );
}
