import { z } from 'zod';

/** The part of Vitest's JSON report that is read here. */
const reportSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

export interface Summary {
  ok: boolean;
  /** What failed, or was skipped. */
  complaints: string[];
  /** `412 passed, 0 failed`, and how many were skipped where any were. */
  line: string;
}

/**
 * What the platform lacks cannot be brought, and Claude Code is somebody else's to give. Other programs can be installed,
 * and a skip without a reason is a mistake.
 */
const maySkip = (name: string): boolean => /\[SKIPPED: (?!no (?!claude-code;))/.test(name);

/** Sums up a test run. A step that failed counts as one failure, unless it is the failing tests themselves. */
export function summarize(report: string | null, failedSteps: readonly string[]): Summary {
  const complaints: string[] = [];
  const complain = (text: string) => complaints.push(text);
  let passed = 0;
  let skipped = 0;
  let failed = 0;

  if (report === null) complain('There is no report of the tests.');
  const files = report === null ? [] : reportSchema.parse(JSON.parse(report)).testResults;
  for (const file of files) {
    const before = failed;
    for (const { fullName, status } of file.assertionResults) {
      if (status === 'passed') passed += 1;
      else if (status === 'failed') {
        failed += 1;
        complain(`failed: ${fullName}`);
      } else {
        skipped += 1;
        complain(`skipped: ${fullName}`);
        if (!maySkip(fullName)) failed += 1;
      }
    }
    // A file that could not be loaded has no tests to fail.
    if (file.status === 'failed' && failed === before) {
      failed += 1;
      complain(`failed: ${file.name} ${file.message ?? ''}`.trim());
    }
  }
  const testsFailed = failed > 0;
  for (const step of failedSteps) {
    complain(`step failed: ${step}`);
    if (step !== 'tests' || !testsFailed) failed += 1;
  }
  if (report === null && failed === 0) failed = 1;
  const rest = skipped === 0 ? '' : `, ${skipped} skipped`;
  return { ok: failed === 0, complaints, line: `${passed} passed, ${failed} failed${rest}` };
}
