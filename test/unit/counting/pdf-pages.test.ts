import { describe, expect, it } from 'vitest';
import { pdfPages } from '../../../src-main/counting/pdf-pages.ts';

const pdf = (...objects: string[]): string =>
  Buffer.from(`%PDF-1.7\n${objects.join('\n')}\n%%EOF`, 'latin1').toString('base64');

describe('the pages of a PDF', () => {
  it.each<[string, string, number]>([
    ['page objects', pdf('<< /Type /Pages /Count 2 >>', '<< /Type /Page >>', '<</Type/Page/Parent 2 0 R>>'), 2],
    [
      'a linearized head',
      pdf('<< /Linearized 1 /L 54321 /H [ 687 131 ] /O 12 /E 999 /N 17 /T 5 >>', '<< /Type /Page >>'),
      17,
    ],
    ['nothing that can be read', pdf('<< /Type /ObjStm /Filter /FlateDecode >>'), 1],
    ['absurd numbers', pdf('<< /Linearized 1 /N 999999 >>'), 1000],
    ['no PDF', 'AAAA', 1],
  ])('are known by %s', (_, data, pages) => {
    expect(pdfPages(data)).toBe(pages);
  });
});
