import { expect, test } from 'vitest';
import { exportPage } from '../../../src-main/recording/export-page.ts';
import { createRedactor } from '../../../src-main/secrets/redact.ts';
import { exportQuerySchema } from '../../../src-shared/recording.ts';
import { makeRow } from '../../helpers/rows.ts';

test('cuts keys out of rows, also where a number is written as a key is', async () => {
  const row = makeRow({ state: 'answered', startedAt: 1_795_456_789_012, askedModel: 'with 95456789 in it' });
  const { text, requests } = await exportPage(exportQuerySchema.parse({ format: 'jsonl' }), {
    page: () => Promise.resolve({ rows: [row], next: null, source: 'memory' }),
    find: () => Promise.resolve(row),
    bodies: (id) => Promise.resolve({ state: 'not_kept', id, reason: 'none' }),
    redact: createRedactor(['95456789']),
    endpoint: 'http://127.0.0.1:4777',
    version: '1.0.0',
  });
  expect(requests).toBe(1);
  expect(JSON.parse(text)).toMatchObject({ startedAt: row.startedAt, askedModel: 'with [redacted] in it' });
});
