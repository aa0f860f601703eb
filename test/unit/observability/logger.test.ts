import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

/** In a process of its own: Vitest takes the console of this one. */
function logged(script: string): { stdout: string; stderr: string } {
  const logger = new URL('../../../src-main/observability/logger.ts', import.meta.url);
  const source = `import { createLogger } from ${JSON.stringify(logger.href)}; const log = createLogger('info'); ${script}`;
  return spawnSync(process.execPath, ['--input-type=module', '--eval', source], { encoding: 'utf8' });
}

it('what others say stays on one line; a stack stands below it; standard output stays free', () => {
  const { stdout, stderr } = logged(`
    log.warn('Request failed: first\\nSECOND 12:00:00 info  forged', { model: 'a\\r\\nb', ms: 5 });
    log.debug('not shown');
    log.error('A bug', { stack: 'Error: x\\n    at y' });
  `);
  const [first, ...rest] = stderr.trimEnd().split('\n');
  expect(first).toMatch(
    /^\d\d:\d\d:\d\d warn {2}Request failed: first ⏎ SECOND 12:00:00 info {2}forged model=a ⏎ b ms=5$/,
  );
  expect(rest).toEqual([expect.stringMatching(/ error A bug$/), 'Error: x', '    at y']);
  expect(stdout).toBe('');
});
