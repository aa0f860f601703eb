import fc from 'fast-check';
import { stringify } from 'yaml';

/** How a person, or another program, may have written a value; its comments are `c0.`, `c1.` and so on. */
export interface Written {
  text: string;
}

const noise = fc.array(fc.nat({ max: 9 }), { minLength: 40, maxLength: 40 });

/** Gives the next of some numbers, again and again. */
function dice(numbers: readonly number[]): () => number {
  let at = 0;
  return () => numbers[at++ % numbers.length] ?? 0;
}

/** JSON with comments, trailing commas, tabs, several values on a line, and either line break. */
export const writtenJson = (value: unknown): fc.Arbitrary<Written> =>
  fc
    .record({ numbers: noise, unit: fc.constantFrom('  ', '    ', '\t', ''), crlf: fc.boolean(), final: fc.boolean() })
    .map(({ numbers, unit, crlf, final }) => {
      const roll = dice(numbers);
      let comments = 0;
      const comment = (kind: 'line' | 'block') => {
        const text = `c${comments++}.`;
        return kind === 'line' ? `// ${text}` : `/* ${text} */`;
      };
      const write = (inner: unknown, indent: string): string => {
        if (typeof inner !== 'object' || inner === null) return JSON.stringify(inner);
        const isList = Array.isArray(inner);
        const entries: [string | null, unknown][] = isList ? inner.map((item) => [null, item]) : Object.entries(inner);
        const [open, close] = isList ? '[]' : '{}';
        if (entries.length === 0) return `${open}${close}`;
        const onLines = roll() < 6;
        const deeper = indent + unit;
        const parts = entries.map(([key, item], index) => {
          const above = onLines && roll() === 0 ? `${deeper}${comment('line')}\n` : '';
          const written = (key === null ? '' : `${JSON.stringify(key)}: `) + write(item, onLines ? deeper : indent);
          const before = roll() === 1 ? ` ${comment('block')}` : '';
          const comma = index < entries.length - 1 || (onLines && roll() === 2) ? ',' : '';
          const after = onLines && roll() === 3 ? ` ${comment('line')}` : '';
          return `${above}${onLines ? deeper : ''}${written}${before}${comma}${after}`;
        });
        return onLines ? `${open}\n${parts.join('\n')}\n${indent}${close}` : `${open} ${parts.join(' ')} ${close}`;
      };
      const head = roll() === 4 ? `${comment('line')}\n` : '';
      const text = head + write(value, '') + (final ? '\n' : '');
      return { text: crlf ? text.replaceAll('\n', '\r\n') : text };
    });

/** YAML in block and flow style, with comments on and between lines, empty lines, and either form of lists. */
export const writtenYaml = (value: Record<string, unknown>): fc.Arbitrary<Written> =>
  fc
    .record({
      numbers: noise,
      step: fc.constantFrom(2, 4),
      crlf: fc.boolean(),
      final: fc.boolean(),
      dashes: fc.boolean(),
    })
    .map(({ numbers, step, crlf, final, dashes }) => {
      const roll = dice(numbers);
      let comments = 0;
      const comment = () => `# c${comments++}.`;
      const options = { lineWidth: 0, blockQuote: false } as const;
      const plain = (inner: unknown) =>
        stringify([inner], { ...options, collectionStyle: 'flow' })
          .trim()
          .slice(1, -1)
          .trim();
      const inline = (inner: unknown) => {
        const text = plain(inner);
        return text.includes('\n') || roll() === 5 ? JSON.stringify(inner) : text;
      };
      const name = (key: string) =>
        stringify(Object.fromEntries([[key, 1]]), options)
          .trim()
          .slice(0, -': 1'.length);
      const isFilled = (inner: unknown): inner is object =>
        typeof inner === 'object' && inner !== null && Object.keys(inner).length > 0;
      const tail = () => (roll() === 0 ? ` ${comment()}` : '');
      const lines = (inner: object, indent: string): string[] => {
        const between = () => (roll() === 1 ? [`${indent}${comment()}`] : roll() === 2 ? [''] : []);
        if (Array.isArray(inner))
          return inner.flatMap((item: unknown) => {
            if (!isFilled(item) || roll() < 3) return [...between(), `${indent}- ${inline(item)}${tail()}`];
            const [first = '', ...rest] = lines(item, `${indent}  `);
            return first.trim().startsWith('#') || first === ''
              ? [`${indent}-${tail()}`, first, ...rest]
              : [`${indent}- ${first.trimStart()}`, ...rest];
          });
        return Object.entries(inner).flatMap(([key, field]: [string, unknown]) => {
          const head = `${indent}${name(key)}:`;
          if (!isFilled(field) || roll() < 3) return [...between(), `${head} ${inline(field)}${tail()}`];
          const deeper = Array.isArray(field) && dashes ? indent : indent + ' '.repeat(step);
          return [...between(), `${head}${tail()}`, ...lines(field, deeper)];
        });
      };
      const body = isFilled(value) ? lines(value, '') : ['{}'];
      const text = body.join(crlf ? '\r\n' : '\n') + (final ? (crlf ? '\r\n' : '\n') : '');
      return { text };
    });
