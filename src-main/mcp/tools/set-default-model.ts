import { z } from 'zod';
import { DEFAULT_ALIAS } from '../choose-model.ts';
import { paragraphs } from '../words.ts';
import { editConfig, editedShape, listAt, placeOf } from './edit-config.ts';
import { defineTool } from './tool.ts';

const RULES = ['routing', 'rules'];
const RULE_ID = 'default-model';

export const setDefaultModel = defineTool({
  name: 'set_default_model',
  title: 'Set the default model',
  description:
    'Sets which model answers where a request names none that CProxy knows, and which proxy_completion asks where it is told none: the alias default, and a rule that leads there.',
  input: z.strictObject({
    model: z.string().min(1).max(1000).describe('provider-id/model-id; list_models shows them'),
  }),
  output: z.object({ model: z.string(), ...editedShape }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  changes: true,
  async call({ model }, context) {
    const edited = await editConfig(context, (written) => {
      const rules = listAt(written, ...RULES);
      const rule = {
        id: RULE_ID,
        when: { named: ['default', 'unknown'] },
        use: { targets: [DEFAULT_ALIAS] },
      };
      const ruleChange =
        rules === null ? { path: RULES, value: [rule] } : { path: [...RULES, rules.length], value: rule };
      return [
        { path: ['aliases', DEFAULT_ALIAS], value: model },
        ...(placeOf(rules, RULE_ID) === -1 ? [ruleChange] : []),
      ];
    });
    return { value: { model, ...edited }, text: paragraphs(`The default model is ${model}.`, ...edited.warnings) };
  },
});
