import { describe, expect, it } from 'vitest';
import { summarize } from '../../../scripts/lib/summarize.ts';

const report = (...tests: [name: string, status: string][]) =>
  JSON.stringify({
    testResults: [
      {
        name: '/a.test.ts',
        status: tests.some(([, status]) => status === 'failed') ? 'failed' : 'passed',
        assertionResults: tests.map(([fullName, status]) => ({ fullName, status })),
      },
    ],
  });

describe('the last line of CI', () => {
  it('counts what passed', () => {
    expect(summarize(report(['a', 'passed'], ['b', 'passed']), [])).toEqual({
      ok: true,
      complaints: [],
      line: '2 passed, 0 failed',
    });
  });

  it('counts failing tests once, though their step failed too', () => {
    const summary = summarize(report(['a', 'passed'], ['b', 'failed']), ['tests']);
    expect(summary).toMatchObject({ ok: false, line: '1 passed, 1 failed' });
    expect(summary.complaints).toContain('failed: b');
  });

  it('counts a step that failed for another reason, such as coverage', () => {
    expect(summarize(report(['a', 'passed']), ['lint', 'tests'])).toMatchObject({
      ok: false,
      line: '1 passed, 2 failed',
    });
  });

  it('counts a file that could not be loaded, and a run without a report', () => {
    const broken = { testResults: [{ name: '/b.test.ts', status: 'failed', message: 'no', assertionResults: [] }] };
    expect(summarize(JSON.stringify(broken), [])).toMatchObject({ ok: false, line: '0 passed, 1 failed' });
    expect(summarize(null, [])).toMatchObject({ ok: false, line: '0 passed, 1 failed' });
  });

  it('lets tests be skipped for what cannot be installed, where they say so', () => {
    for (const reason of ['no claude-code; node install', 'only on Linux'])
      expect(
        summarize(report(['a', 'passed'], [`a turn [SKIPPED: ${reason}] says hello`, 'skipped']), []),
      ).toMatchObject({
        ok: true,
        line: '1 passed, 0 failed, 1 skipped',
      });
    for (const name of ['the window', 'the window [SKIPPED: no Xvfb, claude-code; apt-get install xvfb]'])
      expect(summarize(report([name, 'skipped']), []), name).toMatchObject({
        ok: false,
        line: '0 passed, 1 failed, 1 skipped',
      });
  });
});
