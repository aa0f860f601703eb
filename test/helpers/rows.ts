import type { AttemptRow, RequestRow } from '../../src-shared/requests.ts';

let rowNumber = 0;

/** A request as the pipeline begins one. Times in ms. */
export function makeRow(changes: Partial<RequestRow> = {}): RequestRow {
  rowNumber += 1;
  return {
    id: `req_${rowNumber}`,
    startedAt: Date.now(),
    protocol: 'anthropic',
    path: '/v1/messages',
    userAgent: 'claude-cli/2.1',
    sessionId: null,
    agentId: null,
    client: null,
    project: null,
    class: null,
    askedModel: 'claude-sonnet-5-5',
    stream: true,
    requestBytes: 61_000,
    route: null,
    trace: [],
    attempts: [],
    state: 'running',
    status: null,
    error: null,
    queuedMs: 0,
    firstContentMs: null,
    endedMs: null,
    overheadMs: null,
    answerBytes: 0,
    stopReason: null,
    cache: null,
    replayOf: null,
    ...changes,
  };
}

/** An attempt as the pipeline begins one. Times in ms since the request arrived. */
export function makeAttempt(changes: Partial<AttemptRow> = {}): AttemptRow {
  return {
    provider: 'local',
    model: 'qwen3',
    key: null,
    mode: 'pass-through',
    startedMs: 1,
    queuedMs: 0,
    firstByteMs: null,
    firstContentMs: null,
    endedMs: null,
    status: null,
    outcome: 'running',
    error: null,
    usage: null,
    usageIsPartial: false,
    cost: null,
    stopReason: null,
    ...changes,
  };
}
