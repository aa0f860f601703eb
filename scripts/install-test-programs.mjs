// Brings every program that some test needs and npm ci does not: Debian packages (as root), the Electron runtime, Claude
// Code. For CI and fresh machines; does nothing where all is there. `npm test` itself installs nothing.
import { installClaudeCode } from '../test/helpers/claude-code.ts';
import { installElectronRuntime } from '../test/helpers/electron-runtime/install.ts';
import { missingPrograms } from '../test/helpers/missing-programs.ts';
import { installDebianPackages } from './lib/debian-packages.ts';
import { say } from './lib/project.ts';

/** @param {string} what @param {() => void} bring */
function attempt(what, bring) {
  try {
    bring();
  } catch (error) {
    say(`Could not install ${what}: ${error instanceof Error ? error.message : error}`);
  }
}

attempt('the Debian packages', installDebianPackages);
attempt('the Electron runtime', installElectronRuntime);
attempt('Claude Code', installClaudeCode);

const missing = missingPrograms();
for (const program of missing) say(`Still missing, so its tests are skipped: ${program.name}`);
// Claude Code may be out of reach without anything being wrong here.
process.exitCode = missing.some((program) => program.name !== 'claude-code') ? 1 : 0;
