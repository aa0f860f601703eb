import { claudeCode } from './claude-code.ts';
import type { Client } from './client.ts';
import { codex } from './codex.ts';
import { opencode } from './opencode.ts';

/** The clients that can be set up. Adding one is a file here and its line in this list. */
export const clients: readonly Client[] = [claudeCode, codex, opencode];
