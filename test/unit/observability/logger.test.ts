import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
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

const settings = (changes: Record<string, unknown>) =>
  JSON.stringify({ level: 'info', format: 'pretty', file: null, maxBytes: 100_000, maxFiles: 3, ...changes });
const follow = (changes: Record<string, unknown>) =>
  `log.follow({ ...${settings(changes)}, redact: (text) => text.replaceAll('sk-canary', '[key]') });`;

it('no secret is written, by its name or by what is in it, however deep', () => {
  for (const format of ['pretty', 'json']) {
    const { stderr } = logged(`${follow({ format })}
      log.warn('refused sk-canary', { authorization: 'Bearer hidden-1', deep: { list: ['sk-canary'], 'x-api-key': 'hidden-2' } });
      log.error(new Error('it was sk-canary'));
      log.info('fine', { tokens: 5, key: 'work' });
    `);
    expect(stderr).not.toMatch(/sk-canary|hidden/);
    expect(stderr).toContain('refused [key]');
    expect(stderr).toContain('it was [key]');
    expect(stderr).toMatch(format === 'json' ? /"tokens":5,"key":"work"/ : /tokens=5 key=work/);
  }
});

it('lines for programs are one JSON object each; the level changes while it runs', () => {
  const { stderr } = logged(`${follow({ format: 'json', level: 'debug' })}
    log.debug('one\\ntwo', { id: 'req_1' });
    ${follow({ format: 'json', level: 'error' })}
    log.warn('not shown');
  `);
  expect(
    stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([{ time: expect.stringMatching(/^\d{4}-.*Z$/), level: 'debug', message: 'one\ntwo', id: 'req_1' }]);
});

it("a file has the same lines, is its owner's alone, and the oldest of many are dropped", () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cproxy-log-'));
  const file = path.join(folder, 'cproxy.log');
  logged(`${follow({ file, maxBytes: 10_000, format: 'json' })}
    for (let index = 0; index < 60; index += 1) { log.info('x'.repeat(900), { index }); await new Promise((done) => setTimeout(done, 5)); }
  `);
  const files = readdirSync(folder).sort();
  expect(files).toHaveLength(3);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).toContain('"index":59');
  rmSync(folder, { recursive: true });
});

it('a file that cannot be written is told of once, and nothing else stops', () => {
  const { stderr } = logged(`${follow({ file: path.join(import.meta.filename, 'cproxy.log') })}
    for (let index = 0; index < 3; index += 1) { log.info('line ' + index); await new Promise((done) => setTimeout(done, 20)); }
  `);
  expect(stderr.match(/cannot be written/g)).toHaveLength(1);
  expect(stderr.match(/line \d/g)).toEqual(['line 0', 'line 1', 'line 2']);
});
