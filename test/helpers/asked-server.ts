import type { AskedServer, JsonQuestion } from '../../src-main/providers/ask-json.ts';

/** What a server says to a question: JSON or a text, with 200 or another status. */
export type Said = { status?: number; json?: unknown; text?: string };

/**
 * A server that answers questions as it is told, 404 to all others.
 * @param answers by path, as it is asked for.
 */
export function askedServer(
  answers: Readonly<Record<string, Said | ((question: JsonQuestion) => Said)>>,
): AskedServer & { readonly questions: JsonQuestion[] } {
  const questions: JsonQuestion[] = [];
  return {
    provider: 'p',
    questions,
    ask: async (question) => {
      questions.push(question);
      const answer = answers[question.path] ?? { status: 404, text: 'not found' };
      const {
        status = 200,
        json,
        text = json === undefined ? '' : JSON.stringify(json),
      } = typeof answer === 'function' ? answer(question) : answer;
      return { status, headers: {}, json, text };
    },
  };
}
