import { describe, expect, it } from 'vitest';
import { withoutField } from '../../../src-main/protocols/refused-fields.ts';

describe('withoutField', () => {
  const fields = {
    temperature: 1,
    reasoning: { effort: 'low', summary: 'auto' },
    stream_options: { include_usage: true },
  };

  it('takes a field off, by its name or its path', () => {
    expect(withoutField(fields, 'temperature')).toEqual({
      reasoning: { effort: 'low', summary: 'auto' },
      stream_options: { include_usage: true },
    });
    expect(withoutField(fields, 'reasoning.summary').reasoning).toEqual({ effort: 'low' });
    expect(withoutField(fields, 'stream_options.include_usage')).not.toHaveProperty('stream_options');
    expect(fields.reasoning.summary).toBe('auto');
  });

  it('changes nothing where there is no such field', () => {
    for (const path of ['top_p', 'temperature.x', 'reasoning.x', 'constructor', ''])
      expect(withoutField(fields, path)).toBe(fields);
  });
});
