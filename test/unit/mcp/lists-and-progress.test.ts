import { describe, expect, it } from 'vitest';
import { pageOf } from '../../../src-main/mcp/page.ts';
import { progressOf } from '../../../src-main/mcp/progress.ts';
import { rpcCodeOf, rpcCodeOfKind } from '../../../src-main/mcp/rpc-codes.ts';
import { periodOf } from '../../../src-main/mcp/tools/usage-report.ts';
import { errorTable } from '../../../src-shared/errors.ts';

describe('pages of a list', () => {
  it('give all of it, each item once', () => {
    for (const length of [0, 1, 50, 51, 125]) {
      const items = Array.from({ length }, (_, index) => index);
      const seen: number[] = [];
      let cursor: string | undefined;
      do {
        const { page, nextCursor } = pageOf(items, cursor);
        seen.push(...page);
        cursor = nextCursor;
      } while (cursor !== undefined);
      expect(seen).toEqual(items);
    }
  });

  it('refuse a cursor that none had', () => {
    for (const cursor of ['', 'x', 'from-', 'from-99', 'from--1', 'from-1e3'])
      expect(() => pageOf([1, 2, 3], cursor), cursor).toThrow(/nextCursor/);
  });
});

describe('progress', () => {
  it('is told now and then for a text, and at each step towards an end that is known', () => {
    const told: unknown[] = [];
    let now = 0;
    const extra = {
      _meta: { progressToken: 'p' },
      sendNotification: async ({ params }: { params?: unknown }) => {
        told.push(params);
      },
    };
    const progress = progressOf(extra, () => now);
    for (const at of [0, 50, 150, 200, 250, 450]) {
      now = at;
      progress?.(at + 1, `at ${at}`);
    }
    expect(told).toMatchObject([{ message: 'at 0' }, { message: 'at 200' }, { message: 'at 450' }]);
    progress?.(1, 'one', 2);
    progress?.(2, 'two', 2);
    expect(told.slice(3)).toEqual([
      { progressToken: 'p', progress: 1, total: 2, message: 'one' },
      { progressToken: 'p', progress: 2, total: 2, message: 'two' },
    ]);
    expect(progressOf({ ...extra, _meta: {} })).toBeNull();
  });
});

describe('codes of JSON-RPC', () => {
  it('keep the meanings of the CProxy before', () => {
    const of = (code: keyof typeof errorTable): number => rpcCodeOf(code, errorTable[code].kind);
    expect(of('provider_error')).toBe(-32000);
    expect(of('provider_unreachable')).toBe(-32001);
    expect(of('all_targets_failed')).toBe(-32001);
    expect(of('provider_silent')).toBe(-32002);
    expect(of('provider_keys_resting')).toBe(-32003);
    expect(of('invalid_json')).toBe(-32700);
    expect(of('unknown_model')).toBe(-32602);
    expect(of('internal')).toBe(-32603);
    expect(rpcCodeOfKind('rate_limit_error')).toBe(-32003);
    expect(rpcCodeOfKind('something_else')).toBe(-32000);
  });
});

describe('periods', () => {
  it('begin at midnight', () => {
    const now = new Date(2026, 10, 23, 15, 30).getTime();
    const midnight = new Date(2026, 10, 23).getTime();
    expect(periodOf('today', now).from).toBe(midnight);
    expect(periodOf('yesterday', now)).toEqual({ from: new Date(2026, 10, 22).getTime(), to: midnight });
    expect(new Date(periodOf('week', now).from).getDate()).toBe(17);
    expect(periodOf('all', now).from).toBe(0);
  });
});
