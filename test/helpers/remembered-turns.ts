import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { RememberedTurn } from '../../src-main/protocols/remembered-turn.ts';

/** A turn that has thought `text`. */
export const turnOf = (text: string, signature = `signature of ${text}`): RememberedTurn => ({
  provider: 'anthropic',
  model: 'claude-sonnet-4-5',
  reasoning: { '': [{ type: 'thinking', thinking: text, signature }] },
});

/** A folder for the test that runs. */
export function folderForTest(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'cproxy-store-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** As vendors make them: nothing to shorten in it. @param bytes before base64 */
export const signatureOf = (bytes: number): string => randomBytes(bytes).toString('base64');
