import { z } from 'zod';
import { paragraphs } from '../words.ts';
import { editConfig, editedShape, listAt, placeOf } from './edit-config.ts';
import { defineTool, ToolError } from './tool.ts';

export const enableProvider = defineTool({
  name: 'enable_provider',
  title: 'Switch a provider on or off',
  description: 'Sets in the configuration whether requests may go to a provider.',
  input: z.strictObject({
    provider: z.string().min(1).max(200).describe('Its id'),
    enabled: z.boolean(),
  }),
  output: z.object({ provider: z.string(), enabled: z.boolean(), ...editedShape }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  changes: true,
  async call({ provider, enabled }, context) {
    const edited = await editConfig(context, (written) => {
      const place = placeOf(listAt(written, 'providers'), provider);
      if (place === -1)
        throw new ToolError(
          `The provider '${provider}' is not in the file of the configuration. list_providers shows which there are; those that come from variables of the environment are switched there.`,
        );
      return [{ path: ['providers', place, 'enabled'], value: enabled }];
    });
    return {
      value: { provider, enabled, ...edited },
      text: paragraphs(`The provider '${provider}' is ${enabled ? 'on' : 'off'}.`, ...edited.warnings),
    };
  },
});
