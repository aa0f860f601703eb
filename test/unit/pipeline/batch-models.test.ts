import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchModels, withoutPrefix } from '../../../src-main/pipeline/batch-models.ts';

/** Names that come from anywhere, and texts that look like what is looked for. */
const text = fc.oneof(
  fc.string(),
  fc.constantFrom('model', '"model":"a/x"', '\\', '\\"model\\"', 'a/x', '{"model":"a/x"}', '\n'),
);
const model = fc.oneof(fc.constantFrom('a/x', 'a/y/z', 'b/x', 'x', 'a'), fc.stringMatching(/^[a-z/.:-]{1,20}$/));
const value = fc.oneof(text, fc.integer(), fc.constant({ model: 'a/x' }), fc.array(text), fc.constant(null));
const params = fc
  .record({ before: value, model, messages: fc.array(fc.record({ role: text, content: value })), after: value })
  .map(({ before, model: name, messages, after }) => ({ before, model: name, messages, after }));
const stripped = <Params extends { model: string }>(one: Params): Params => ({
  ...one,
  model: one.model.startsWith('a/') ? one.model.slice(2) : one.model,
});

/** The bytes as they arrive in pieces of a size. */
function run(dialect: 'anthropic' | 'openai', body: string, size: number): { models: string[]; left: string } {
  const bytes = Buffer.from(body);
  const models = new BatchModels(dialect);
  for (let at = 0; at < bytes.length; at += size) models.push(bytes.subarray(at, at + size));
  const names = models.found.map((one) => one.model);
  return { models: names, left: withoutPrefix(bytes, models.found, 'a/').toString() };
}

describe('the models of a batch', () => {
  it("are found, and nothing else, in Anthropic's form, however it is written and arrives", () => {
    const batch = fc.array(fc.record({ custom_id: text, params }));
    fc.assert(
      fc.property(batch, fc.integer({ min: 1, max: 50 }), fc.constantFrom(0, 2), (requests, size, indent) => {
        const { models, left } = run('anthropic', JSON.stringify({ requests }, null, indent), size);
        expect(models).toEqual(requests.map((one) => one.params.model));
        expect(JSON.parse(left)).toEqual(
          JSON.parse(JSON.stringify({ requests: requests.map((one) => ({ ...one, params: stripped(one.params) })) })),
        );
      }),
    );
  });

  it("are found in OpenAI's lines, inside of a form", () => {
    const lines = fc.array(fc.record({ custom_id: text, url: text, body: params }), { minLength: 1 });
    fc.assert(
      fc.property(lines, fc.integer({ min: 1, max: 50 }), (all, size) => {
        const form = (entries: readonly unknown[]) =>
          [
            '--x\r\nContent-Disposition: form-data; name="file"; filename="{.jsonl"\r\n\r\n',
            ...entries.map((one) => `${JSON.stringify(one)}\n`),
            '\r\n--x--\r\n',
          ].join('');
        const { models, left } = run('openai', form(all), size);
        expect(models).toEqual(all.map((one) => one.body.model));
        expect(left).toBe(form(all.map((one) => ({ ...one, body: stripped(one.body) }))));
      }),
    );
  });

  it('are sought in whatever arrives, without a throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const models = new BatchModels('anthropic');
        models.push(bytes);
        for (const { at } of models.found) expect(at).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});
