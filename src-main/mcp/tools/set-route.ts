import { z } from 'zod';
import { requestClasses, tiers } from '../../../src-shared/rules.ts';
import { paragraphs } from '../words.ts';
import { type ConfigChange, editConfig, editedShape, listAt, placeOf } from './edit-config.ts';
import { defineTool, ToolError } from './tool.ts';

const pattern = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

/** The simple ones of the conditions that rules have (src-shared/rules.ts). */
const whenSchema = z.strictObject({
  model: pattern
    .optional()
    .describe('The asked name, as the other texts one or several, in which * and ? stand for others'),
  alias: pattern.optional(),
  tier: z.enum(tiers).optional().describe("Claude's model family in the asked name"),
  class: z.array(z.enum(requestClasses)).min(1).optional().describe('What kind of request it is'),
  client: pattern.optional().describe('The program that asks, such as claude-code'),
  project: pattern.optional().describe('Folder that the client works in, or one above it'),
  images: z.boolean().optional(),
  thinking: z.boolean().optional(),
  inputTokens: z.strictObject({ min: z.number().optional(), max: z.number().optional() }).optional(),
});
const RULES = ['routing', 'rules'];

export const setRoute = defineTool({
  name: 'set_route',
  title: 'Set a route',
  description:
    'Writes a routing rule into the configuration, in the place of the one with that id, or removes it. Takes effect with the next request.',
  input: z.strictObject({
    id: z
      .string()
      .regex(/^[A-Za-z0-9._-]+$/, 'may hold only letters, digits, ".", "_" and "-"')
      .describe('Of the rule'),
    when: whenSchema
      .optional()
      .describe('What a request must be like; all of it must hold, and {} holds for every one'),
    targets: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('Where such requests go: provider-id/model-id or aliases, the preferred first'),
    fallback: z.array(z.string().min(1)).min(1).optional().describe('Tried when all of these have failed'),
    position: z
      .enum(['first', 'last'])
      .default('first')
      .describe('Among the rules, for a new one: the first rule that matches decides'),
    remove: z.boolean().default(false).describe('Remove the rule instead'),
  }),
  output: z.object({ id: z.string(), state: z.enum(['added', 'replaced', 'removed']), ...editedShape }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  changes: true,
  async call({ id, when, targets, fallback, position, remove }, context) {
    let state: 'added' | 'replaced' | 'removed' = 'added';
    const changesOf = (written: Readonly<Record<string, unknown>>): ConfigChange[] => {
      const rules = listAt(written, ...RULES);
      const at = placeOf(rules, id);
      if (remove) {
        if (at === -1) throw new ToolError(`There is no rule '${id}' in the file of the configuration.`);
        state = 'removed';
        return [{ path: [...RULES, at] }];
      }
      if (when === undefined || targets === undefined) throw new ToolError('A rule needs when and targets.');
      const rule = { id, when, use: { targets, ...(fallback === undefined ? {} : { fallback }) } };
      state = at === -1 ? 'added' : 'replaced';
      if (at !== -1) return [{ path: [...RULES, at], value: rule }];
      if (rules === null) return [{ path: RULES, value: [rule] }];
      if (position === 'last') return [{ path: [...RULES, rules.length], value: rule }];
      return [{ path: RULES, value: [rule, ...rules] }];
    };
    const { version, warnings } = await editConfig(context, changesOf);
    return {
      value: { id, state, version, warnings },
      text: paragraphs(`The rule '${id}' is ${state}. explain_route shows what it does.`, ...warnings),
    };
  },
});
