import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { HAR_END, harBeginning, harEntry } from '../../../src-main/recording/har.ts';
import type { KeptBodiesView } from '../../../src-shared/recording.ts';
import { makeAttempt, makeRow } from '../../helpers/rows.ts';

/** HAR 1.2, as far as a proxy can say it (http://www.softwareishard.com/blog/har-12-spec/). Own fields begin with `_`. */
const strict = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z
    .object({ ...shape, comment: z.string().optional() })
    .catchall(z.unknown())
    .superRefine((value, context) => {
      for (const name of Object.keys(value))
        if (!(name in shape) && name !== 'comment' && !name.startsWith('_'))
          context.addIssue({ code: 'custom', message: `${name} is no field of HAR` });
    });
const pairs = z.array(strict({ name: z.string(), value: z.string() }));
const ms = z.number().min(0);
const size = z.number().int().min(-1);
const message = {
  httpVersion: z.string(),
  cookies: z.array(z.never()),
  headers: pairs,
  headersSize: size,
  bodySize: size,
};
const harSchema = strict({
  log: strict({
    version: z.literal('1.2'),
    creator: strict({ name: z.string(), version: z.string() }),
    entries: z.array(
      strict({
        startedDateTime: z.iso.datetime(),
        time: ms,
        request: strict({
          ...message,
          method: z.string(),
          url: z.url(),
          queryString: pairs,
          postData: strict({ mimeType: z.string(), text: z.string() }).optional(),
        }),
        response: strict({
          ...message,
          status: z.number().int(),
          statusText: z.string(),
          content: strict({
            size: z.number().int(),
            mimeType: z.string(),
            text: z.string().optional(),
            encoding: z.literal('base64').optional(),
          }),
          redirectURL: z.string(),
        }),
        cache: strict({}),
        timings: strict({ blocked: ms, send: ms, wait: ms, receive: ms }),
      }),
    ),
  }),
});

const body = (text: string): KeptBodiesView['request'] => ({
  text,
  encoding: 'utf8',
  bytes: text.length,
  truncated: false,
});
const bodies: KeptBodiesView = {
  ...{ state: 'kept', id: 'req_1', from: 'memory', path: '/v1/messages?beta=true' },
  ...{ requestHeaders: { 'content-type': 'application/json' }, request: body('{}') },
  answerHeaders: { 'content-type': 'text/event-stream; charset=utf-8' },
  answer: { ...body('AAEC'), encoding: 'base64', truncated: true },
  ...{ isComplete: true, attempts: [] },
};
const answered = makeRow({
  ...{ state: 'answered', status: 200, queuedMs: 5, firstContentMs: 100.5, endedMs: 250, answerBytes: 9 },
  attempts: [makeAttempt({ outcome: 'answered' })],
});

const file = (...entries: unknown[]): unknown =>
  JSON.parse(`${harBeginning('1.2.3')}${entries.map((entry) => JSON.stringify(entry)).join(',\n')}${HAR_END}`);

describe('a HAR file', () => {
  test.each([
    ['no request', []],
    ['a request', [harEntry(answered, null, 'http://127.0.0.1:4777')]],
    ['one with what was said', [harEntry(answered, bodies, 'http://127.0.0.1:4777')]],
    [
      'one that was left at once, and one that failed',
      [
        harEntry(makeRow({ state: 'aborted', endedMs: 1 }), null, 'http://[::1]:1'),
        harEntry(makeRow({ state: 'failed', status: 529, endedMs: 3, queuedMs: 7 }), null, 'http://[::1]:1'),
      ],
    ],
  ])('is valid with %s', (_, entries) => {
    expect(harSchema.safeParse(file(...entries)).error).toBeUndefined();
  });

  test('says where time went, and what was cut', () => {
    const entry = harEntry(answered, bodies, 'http://127.0.0.1:4777');
    expect(entry.timings).toEqual({ blocked: 5, send: 0, wait: 95.5, receive: 149.5 });
    expect(entry.time).toBe(250);
    expect(entry.request).toMatchObject({
      url: 'http://127.0.0.1:4777/v1/messages?beta=true',
      queryString: [{ name: 'beta', value: 'true' }],
      postData: { mimeType: 'application/json', text: '{}' },
    });
    expect(entry.response.content).toMatchObject({ encoding: 'base64', comment: 'Only the beginning was kept.' });
    expect(entry._cproxy.attempts).toHaveLength(1);
    expect(entry._cproxy).not.toHaveProperty('trace');
  });

  test('the check of these tests refuses what is none', () => {
    const entry = harEntry(answered, null, 'http://127.0.0.1:4777');
    expect(harSchema.safeParse(file({ ...entry, mine: 1 })).success).toBe(false);
    expect(harSchema.safeParse(file({ ...entry, time: -1 })).success).toBe(false);
  });
});
