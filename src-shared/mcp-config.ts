import { z } from 'zod';

/** CProxy as an MCP server. */
export const mcpSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether /mcp is there'),
  allowChanges: z
    .boolean()
    .default(false)
    .describe('Whether its tools may change the configuration (routes, default model, providers) and reset circuits'),
});
export type McpConfig = z.output<typeof mcpSchema>;
