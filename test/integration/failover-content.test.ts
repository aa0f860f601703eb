import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src-shared/config.ts';
import { contentOf, readEvents } from '../helpers/answers.ts';
import { type FailoverLab, failoverLab } from '../helpers/failover-lab.ts';
import { question } from '../helpers/running-engine.ts';
import { answer, fail, raw, type Step, say } from '../helpers/scriptable-upstream.ts';

/** With a rule that names b for what a refuses, and with none. */
let lab: FailoverLab;
/** The same with two providers that both speak Chat Completions. */
let chats: FailoverLab;

const routing: ConfigInput['routing'] = {
  rules: [{ id: 'policy', when: { model: 'strict' }, use: { targets: ['a/m'], contentPolicy: ['b/m'] } }],
};

beforeAll(async () => {
  lab = await failoverLab({ routing });
  chats = await failoverLab({
    routing,
    providers: [
      { id: 'a', type: 'openai-compatible', baseUrl: lab.first.url },
      { id: 'b', type: 'openai-compatible', baseUrl: lab.second.url },
    ],
  });
});
beforeEach(() => {
  lab.first.reset();
  lab.second.reset();
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  await chats[Symbol.asyncDispose]();
});

const json = { 'content-type': 'application/json' };
const error = (status: number, body: unknown): Step => raw(status, JSON.stringify(body), json);

const errors: [string, Step, RegExp][] = [
  [
    'Anthropic',
    fail(400, { type: 'invalid_request_error', message: 'Output blocked by content filtering policy' }),
    /Output blocked by content filtering policy/,
  ],
  [
    'Azure',
    error(400, {
      error: {
        code: 'content_filter',
        message: "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        status: 400,
        innererror: { code: 'ResponsibleAIPolicyViolation', content_filter_result: { hate: { filtered: true } } },
      },
    }),
    /content management policy/,
  ],
  [
    'OpenAI',
    error(400, {
      error: {
        message: 'Your request was rejected.',
        type: 'invalid_request_error',
        param: null,
        code: 'content_policy_violation',
      },
    }),
    /Your request was rejected/,
  ],
  [
    'OpenRouter',
    error(403, {
      error: {
        code: 403,
        message: 'Provider returned error',
        metadata: { reasons: ['violence'], flagged_input: 'x', provider_name: 'OpenAI', model_slug: 'openai/gpt' },
      },
    }),
    /Provider returned error/,
  ],
  [
    'xAI',
    error(403, {
      code: 'The caller does not have permission to execute the specified operation',
      error: 'Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO',
    }),
    /Content violates usage guidelines/,
  ],
  [
    'Gemini',
    error(400, [
      { error: { code: 400, message: 'Request was blocked: PROHIBITED_CONTENT', status: 'INVALID_ARGUMENT' } },
    ]),
    /PROHIBITED_CONTENT/,
  ],
  [
    'DeepSeek',
    error(400, {
      error: { message: 'Content Exists Risk', type: 'invalid_request_error', code: 'invalid_request_error' },
    }),
    /Content Exists Risk/,
  ],
  [
    'Anthropic, in its stream',
    say('x', {
      errorAfter: { frames: 1, type: 'invalid_request_error', message: 'Output blocked by content filtering policy' },
    }),
    /Output blocked by content filtering policy/,
  ],
];

describe.each(['translated', 'passed through'])('a refusal of the content, %s', (way) => {
  const here = () => (way === 'translated' ? chats : lab);

  it.each(errors)('%s: goes to the targets that the rule names for it', async (_vendor, step) => {
    lab.first.queue(step);
    lab.second.queue(say('why not'));
    const response = await here().ask(question('x', { model: 'strict', stream: true }));
    expect(contentOf((await readEvents(response)).text)).toEqual([{ type: 'text', text: 'why not' }]);
    expect(here().attempts()).toEqual(['a failed', 'b answered']);
    expect(here().rows.at(-1)?.attempts[0]?.error?.code).toBe('content_refused');
    expect(here().told('content refused')).toHaveLength(1);
  });

  it.each(errors)(
    '%s: is final without such targets, in its own words, and no key is at fault',
    async (_vendor, step, words) => {
      lab.first.queue(step);
      const response = await here().ask(question('x', { model: 'both', stream: true }));
      expect(response.status, await response.clone().text()).toBeGreaterThanOrEqual(400);
      expect(await response.text()).toMatch(words);
      expect(response.status).not.toBe(401);
      expect(response.headers.get('x-should-retry') ?? 'false').toBe('false');
      expect(lab.second.asked).toHaveLength(0);
      expect(
        here()
          .engine.engine.status()
          .providers[0]?.keys.every(({ state }) => state === 'ready' || state === 'not-needed'),
      ).toBe(true);
    },
  );
});

describe('an answer that is a refusal and nothing else', () => {
  const refusals: [string, () => FailoverLab, boolean, Step][] = [
    ['Anthropic, streamed', () => lab, true, answer([], { stopReason: 'refusal' })],
    ['Anthropic, whole', () => lab, false, answer([], { stopReason: 'refusal' })],
    ['Chat Completions, streamed', () => chats, true, answer([], { stopReason: 'content_filter' })],
    ['Chat Completions, whole', () => chats, false, answer([], { stopReason: 'content_filter' })],
    ['Gemini', () => chats, true, answer([], { stopReason: 'PROHIBITED_CONTENT' })],
  ];

  it.each(refusals)('%s: goes to the targets for it', async (_name, here, stream, step) => {
    lab.first.queue(step);
    lab.second.queue(say('why not'));
    const response = await here().ask(question('x', { model: 'strict', stream }));
    expect(await response.text()).toContain('why not');
    expect(here().attempts()).toEqual(['a failed', 'b answered']);
  });

  it.each(refusals)('%s: is the answer where there are none', async (_name, here, stream, step) => {
    lab.first.queue(step);
    const response = await here().ask(question('x', { model: 'both', stream }));
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('"stop_reason":"refusal"');
    expect(lab.second.asked).toHaveLength(0);
  });

  it('of the last of them is the answer', async () => {
    lab.first.queue(answer([], { stopReason: 'refusal' }));
    lab.second.queue(answer([], { stopReason: 'content_filter' }));
    const response = await lab.ask(question('x', { model: 'strict', stream: true }));
    expect(await response.text()).toContain('"stop_reason":"refusal"');
    expect(lab.attempts()).toEqual(['a failed', 'b answered']);
  });
});

it('a refusal after content is final', async () => {
  lab.first.queue(answer([{ type: 'text', text: 'I was about to' }], { stopReason: 'refusal' }));
  const response = await lab.ask(question('x', { model: 'strict', stream: true }));
  expect(await response.text()).toContain('about to');
  expect(lab.attempts()).toEqual(['a answered']);
});
