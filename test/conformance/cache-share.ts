import { anthropicClientCodec } from '../../src-main/protocols/anthropic/client-codec.ts';
import { anthropicProviderCodec } from '../../src-main/protocols/anthropic/provider-codec.ts';
import type { AnswerBlock } from '../../src-main/protocols/canonical.ts';
import type { ProviderCodec, Quirks } from '../../src-main/protocols/codec.ts';
import { ollamaCodec } from '../../src-main/protocols/ollama/codec.ts';
import { openaiChatCodec } from '../../src-main/protocols/openai-chat/codec.ts';
import { openaiResponsesCodec } from '../../src-main/protocols/openai-responses/codec.ts';
import { knownServers, mistralModels } from '../../src-main/providers/known-servers.ts';
import type { ProviderProtocol } from '../../src-shared/requests.ts';
import { AgentSession, type Outcome } from '../helpers/agent-session.ts';
import { encodeTarget } from '../helpers/codec-contexts.ts';
import { type CacheShare, cacheShare } from '../helpers/prompt-prefix.ts';

/** How much of a session of Claude Code's a provider's prompt cache can serve, by what we send it. */

export const codecs: Record<ProviderProtocol, ProviderCodec> = {
  anthropic: anthropicProviderCodec,
  'openai-chat': openaiChatCodec,
  'openai-responses': openaiResponsesCodec,
  ollama: ollamaCodec,
};

/** Known servers' quirks, each with what some of its models change; first those of a server that nobody knows. */
export const quirkSets: readonly { name: string; quirks: Partial<Quirks> }[] = [
  { name: 'an unknown server', quirks: {} },
  ...knownServers.flatMap(({ name, quirks = {}, models = [] }) => [
    { name, quirks },
    ...[...models, mistralModels].map((model, place) => ({
      name: `${name}, other models ${place + 1}`,
      quirks: { ...quirks, ...model.quirks },
    })),
  ]),
];

const TURNS = 50;

function answerOf(turn: number): { content: AnswerBlock[]; outcomes: Outcome[]; said: string[] } {
  const text: AnswerBlock = { type: 'text', text: `Step ${turn}: grüße 世界 😀` };
  const thinking: AnswerBlock = { type: 'thinking', thinking: `Thought ${turn}.`, signature: 'c2lnbmF0dXJl' };
  const call = (name: string): AnswerBlock => ({ type: 'tool_use', id: `${name}_${turn}`, name, input: { n: turn } });
  switch (turn % 5) {
    case 0:
      return { content: [thinking, text, call('Bash')], outcomes: ['text'], said: [] };
    case 1:
      return { content: [call('Bash'), call('Read')], outcomes: ['image', 'error'], said: ['<system-reminder>r'] };
    case 2:
      return { content: [thinking, call('ListMcpResources')], outcomes: ['references'], said: [] };
    case 3:
      return { content: [call('Read')], outcomes: ['nothing'], said: ['[Request interrupted]', 'Stop.'] };
    default:
      return { content: [text], outcomes: [], said: ['Go on.'] };
  }
}

function shareAt(codec: ProviderCodec, quirks: Partial<Quirks>): CacheShare {
  const session = new AgentSession('m', 'Build it.');
  const bodies: Uint8Array[] = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    const request = anthropicClientCodec.decodeRequest(session.body());
    bodies.push(codec.encodeRequest(request, encodeTarget({ quirks })).body);
    const { content, outcomes, said } = answerOf(turn);
    session.take({ content }, outcomes, said);
  }
  return cacheShare(bodies);
}

export interface SessionShare extends CacheShare {
  protocol: ProviderProtocol;
  target: string;
}

/** Of every target that Claude Code's dialect is translated for. */
export const sessionShares = (): SessionShare[] =>
  [
    ...quirkSets.map(({ name, quirks }) => ({ protocol: 'openai-chat' as const, name, quirks })),
    { protocol: 'openai-responses' as const, name: 'a local server', quirks: {} },
    {
      protocol: 'openai-responses' as const,
      name: 'OpenAI',
      quirks: { isOpenai: true, cacheMarks: 'prompt_cache_breakpoint' as const },
    },
    { protocol: 'ollama' as const, name: 'Ollama', quirks: {} },
  ].map(({ protocol, name, quirks }) => ({
    protocol,
    target: `${name} (${protocol})`,
    ...shareAt(codecs[protocol], quirks),
  }));
