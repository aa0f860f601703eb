import { deflateRawSync, inflateRawSync } from 'node:zlib';

/**
 * What nearly every line says: a line is kept as what differs from it, about a fifth of its length. It belongs to the files that
 * were written with it, and is never changed.
 */
const DICTIONARY = Buffer.from(
  [
    '{"facts":{"protocol":"anthropic","model":"","tools":["Bash","Read","Edit","Write","Glob","Grep","Agent","WebFetch","WebSearch","TodoWrite"],"images":false,"documents":false,"thinking":true,"effort":null,"inputTokens":',
    ',"maxTokens":32000,"stream":true,"session":"","agent":null,"agentType":null,"parentAgent":null,"class":"main","classSource":"header","project":"/","client":"claude-code","userAgent":"claude-cli/2.1 (external, cli)","time":{"day":"mon","minute":',
    '},"budget":"none","subscription":null,"headers":{},"midTurn":false,"conversation":""},"naming":{"as":"model","alias":null,"tier":null,"steps":[]},"rules":[{"id":"","name":null,"matched":false,"checks":[]}],"route":"","strategy":{"name":"priority","why":""},"affinity":null,"changes":null,"candidates":[{"provider":"","model":"","role":"","score":null,"why":"","skipped":null}],"problem":null}',
    '{"id":"req_","startedAt":1790000000000,"protocol":"openai-chat","protocol":"openai-responses","protocol":"anthropic","path":"/v1/chat/completions","path":"/v1/responses","path":"/v1/messages","userAgent":"claude-cli/2.1 (external, cli)","sessionId":null,"sessionId":"","agentId":null,"client":null,"client":"first","project":null,"project":"/","class":"subagent","class":"background","class":"main","askedModel":"gpt-5.5","askedModel":"claude-haiku-4-5","askedModel":"claude-opus-5-5","askedModel":"claude-sonnet-5-5","stream":false,"stream":true,"requestBytes":',
    ',"route":"","trace":[],"attempts":[{"provider":"openrouter","model":"","key":null,"mode":"translated","provider":"anthropic","model":"claude-sonnet-5-5","key":null,"mode":"pass-through","startedMs":1.2,"queuedMs":0,"firstByteMs":',
    ',"firstContentMs":',
    ',"endedMs":',
    ',"status":200,"outcome":"failed","error":{"code":"provider_error","status":529,"message":""},"status":200,"outcome":"answered","error":null,"usage":{"input":3,"cacheRead":0,"cacheWrite":0,"cacheWrite1h":0,"output":1,"reasoning":0},"usageIsPartial":false,"cost":{"usd":0.0,"source":"prices"},"stopReason":"end_turn","stopReason":"tool_use"}],"state":"failed","status":200,"error":null,"state":"answered","status":200,"error":null,"queuedMs":0,"firstContentMs":',
    ',"overheadMs":1.,"answerBytes":',
    ',"stopReason":"tool_use","cache":null,"replayOf":null}',
  ].join(''),
);

/** Lines without line breaks, made small. Level 6 would take twice the time for a quarter less room. */
export const packLines = (lines: readonly string[]): Uint8Array =>
  deflateRawSync(lines.join('\n'), { dictionary: DICTIONARY, level: 3, windowBits: 14, memLevel: 7 });

/** @throws Error where the bytes are none of `packLines`'s. */
export const unpackLines = (bytes: Uint8Array): string[] =>
  inflateRawSync(bytes, { dictionary: DICTIONARY, windowBits: 14 }).toString().split('\n');
