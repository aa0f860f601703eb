import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { countPrompt } from '../../src-main/counting/count-prompt.ts';
import { TextCounter } from '../../src-main/counting/count-text.ts';
import { imageSize } from '../../src-main/counting/image-size.ts';
import { LearnedCorrection } from '../../src-main/counting/learned-correction.ts';
import { modelFamily } from '../../src-main/counting/model-family.ts';
import type { ContentBlock, Message, MessagesRequest, Tool } from '../../src-main/protocols/canonical.ts';
import { openaiChatCodec } from '../../src-main/protocols/openai-chat/codec.ts';
import { encodeTarget } from './codec-contexts.ts';

/** A model as its server counts: by another tokenizer than ours, with words of its chat template around everything. */
export interface StandInModel {
  /** As it is asked for: what is known of its family goes by this. */
  name: string;
  /** Without special tokens. */
  count(text: string): number;
  image(width: number, height: number): number;
  tokensPerMessage: number;
  /** What its template tells it for there being tools. */
  toolPreamble: string;
}

/** A preamble as open models' templates have it. */
export const hermesPreamble =
  '# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with function signatures within <tools></tools> XML tags:\n<tools>\n</tools>\n\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>';

interface ChatPart {
  type: string;
  text?: string;
  image_url?: { url: string };
}
interface ChatBody {
  messages: {
    content?: string | ChatPart[] | null;
    reasoning_content?: string;
    tool_calls?: { function: { name: string; arguments: string } }[];
  }[];
  tools?: unknown[];
}

/** What a server that runs the model reports for a Chat Completions request as it gets it. */
export function reportedTokens(model: StandInModel, body: Uint8Array): number {
  const { messages, tools } = JSON.parse(Buffer.from(body).toString()) as ChatBody;
  let tokens = 0;
  for (const { content, reasoning_content, tool_calls } of messages) {
    tokens += model.tokensPerMessage;
    for (const part of typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? [])) {
      tokens += model.count(part.text ?? '');
      const size = imageSize(part.image_url?.url.split(',')[1] ?? '');
      if (size !== null) tokens += model.image(size.width, size.height);
    }
    tokens += model.count(reasoning_content ?? '');
    for (const call of tool_calls ?? [])
      tokens += model.count(
        `\n<tool_call>\n{"name": "${call.function.name}", "arguments": ${call.function.arguments}}\n</tool_call>`,
      );
  }
  if (tools !== undefined) {
    tokens += model.count(model.toolPreamble);
    for (const tool of tools) tokens += model.count(`\n${JSON.stringify(tool)}`);
  }
  return tokens;
}

const root = path.join(import.meta.dirname, '../..');
const read = (pattern: string): string =>
  globSync(pattern, { cwd: root })
    .sort()
    .map((file) => readFileSync(path.join(root, file), 'utf8'))
    .join('\n');

const sentences: Record<string, readonly string[]> = {
  chinese: [
    '代码审查是一种系统性的检查过程，开发人员会阅读彼此编写的源代码。',
    '与自动化测试不同，审查还能够传播团队内部的知识。',
    '如果审查的范围过大，它也可能成为开发速度的瓶颈。',
    '请先说明这个函数为什么会返回空值，然后再修改它。',
    '数据库连接在超过三十秒之后会被服务器关闭，需要重新建立。',
    '我们决定把缓存的有效期改为五分钟，并且记录每一次失败。',
  ],
  japanese: [
    'コードレビューは品質を高めるための重要な活動です。',
    '開発者は互いの書いたソースコードを読み、誤りを早い段階で見つけます。',
    'この関数がなぜ空の値を返すのか、まず説明してください。',
    'データベースの接続は三十秒を過ぎるとサーバーに閉じられます。',
    '設定ファイルを変更した後は、必ず再起動してください。',
  ],
  korean: [
    '코드 리뷰는 품질을 높이기 위한 중요한 활동입니다.',
    '개발자는 서로가 작성한 소스 코드를 읽고 오류를 일찍 발견합니다.',
    '이 함수가 왜 빈 값을 반환하는지 먼저 설명해 주세요.',
    '데이터베이스 연결은 삼십 초가 지나면 서버가 닫습니다.',
  ],
  russian: [
    'Проверка кода помогает обнаружить ошибки как можно раньше.',
    'Объясните сначала, почему эта функция возвращает пустое значение.',
    'Соединение с базой данных закрывается сервером через тридцать секунд.',
    'После изменения настроек программу нужно запустить заново.',
  ],
};

/** Numbers that are the same in every run. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function logLines(random: () => number, length: number): string {
  const number = (most: number): number => Math.floor(random() * most);
  const lines: string[] = [];
  for (let size = 0; size < length; size += lines.at(-1)?.length ?? 0)
    lines.push(
      `2026-11-22T${10 + number(14)}:${10 + number(50)}:${10 + number(50)}.${100 + number(900)}Z INFO [worker-${number(9)}] GET /api/v1/items/${number(100_000)} 200 ${number(1000)}ms 0x${number(2 ** 32).toString(16)}`,
    );
  return lines.join('\n');
}

/** The header of a PNG of that size, and bytes that nobody reads. */
export function pngOf(width: number, height: number): string {
  const head = Buffer.alloc(600, 7);
  Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]).copy(head);
  head.write('IHDR', 12, 'latin1');
  head.writeUInt32BE(width, 16);
  head.writeUInt32BE(height, 20);
  return head.toString('base64');
}

export type Kind = 'code' | 'prose' | 'other scripts' | 'numbers' | 'tools' | 'images';
export const kinds: readonly Kind[] = ['code', 'prose', 'other scripts', 'numbers', 'tools', 'images'];

/** Texts of each kind; those to learn from and those to judge by share none. */
class Texts {
  readonly #random: () => number;
  readonly #isHeldOut: boolean;
  // Of packages whose versions are pinned: with our own, every change of code or documents would measure another text.
  readonly #code = read('node_modules/zod/src/v4/core/*.ts');
  readonly #prose = read('node_modules/fastify/docs/{Guides,Reference}/*.md');
  readonly #sentences = Object.values(sentences).flat();

  constructor(seed: number, isHeldOut: boolean) {
    this.#random = randomNumbers(seed);
    this.#isHeldOut = isHeldOut;
  }

  number(most: number): number {
    return Math.floor(this.#random() * most);
  }

  of(kind: Kind, length: number): string {
    if (kind === 'code') return this.#part(this.#code, length);
    if (kind === 'prose') return this.#part(this.#prose, length);
    if (kind === 'numbers') return logLines(this.#random, length);
    const own = this.#sentences.filter((_, index) => (index % 3 === 0) === this.#isHeldOut);
    let text = '';
    while (text.length < length / 3) text += own[this.number(own.length)];
    return text;
  }

  tool(index: number): Tool {
    const words = this.of('prose', 500).replaceAll(/\s+/g, ' ');
    return {
      name: `tool_${index}`,
      description: words.slice(0, 150 + this.number(300)),
      input_schema: {
        type: 'object',
        properties: Object.fromEntries(
          ['path', 'limit', 'pattern', 'mode', 'timeout']
            .slice(0, 1 + this.number(5))
            .map((name, at) => [
              name,
              { type: at % 2 === 0 ? 'string' : 'number', description: words.slice(at * 40, at * 40 + 60) },
            ]),
        ),
        required: ['path'],
        additionalProperties: false,
      },
    };
  }

  image(): ContentBlock {
    const data = pngOf(300 + this.number(1700), 300 + this.number(1700));
    return { type: 'image', source: { type: 'base64', media_type: 'image/png', data } };
  }

  #part(text: string, length: number): string {
    const half = Math.floor(text.length / 2);
    const start = (this.#isHeldOut ? half : 0) + this.number(half - length);
    return text.slice(start, start + length);
  }
}

function step(texts: Texts, index: number, kind: Kind, length: number): Message[] {
  const id = `call_${index}`;
  const block: ContentBlock =
    kind === 'images' ? texts.image() : { type: 'text', text: texts.of(kind === 'tools' ? 'prose' : kind, length) };
  return [
    {
      role: 'assistant',
      content: [
        { type: 'text', text: texts.of('prose', 120) },
        { type: 'tool_use', id, name: 'tool_1', input: { path: `src/part-${index}.ts`, limit: 100 + index } },
      ],
    },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: [block] }] },
  ];
}

/**
 * Requests of an agent at work, each one step longer than the one before.
 * @param mostly what half of its steps read; a tenth are of each rarer kind.
 */
export function workRequests(count: number, seed: number, mostly: Kind = 'code'): MessagesRequest[] {
  const texts = new Texts(seed, false);
  const tools = Array.from({ length: 12 }, (_, index) => texts.tool(index));
  const rarer: readonly Kind[] = ['other scripts', 'numbers', 'images', 'prose', 'prose'];
  const messages: Message[] = [{ role: 'user', content: texts.of('prose', 600) }];
  return Array.from({ length: count }, (_, index) => {
    const kind = texts.number(2) === 0 ? mostly : (rarer[texts.number(rarer.length)] ?? mostly);
    messages.push(...step(texts, index, kind, 1000 + texts.number(9000)));
    return { model: 'm', system: texts.of('prose', 3000), tools, messages: [...messages] };
  });
}

/** A request that is mostly of one kind, of texts that `workRequests` has not. */
export function requestOf(kind: Kind, seed: number): MessagesRequest {
  const texts = new Texts(seed, true);
  const tools = Array.from({ length: kind === 'tools' ? 60 : 6 }, (_, index) => texts.tool(index));
  const messages: Message[] = [{ role: 'user', content: texts.of('prose', 300) }];
  for (let index = 0; index < 6; index += 1) messages.push(...step(texts, index, kind, kind === 'tools' ? 300 : 8000));
  return { model: 'm', system: texts.of('prose', 1500), tools, messages };
}

/** Parts by which counts differ from what the model's server reports; 0.1 is ten of a hundred too many. */
export interface KindAccuracy {
  kind: Kind;
  before: number;
  afterThree: number;
  after: number;
}

/** An hour of work or two: later ones are taken rarely. */
const SAMPLES = 24;

/** Judges by each kind of content how well a model's tokens are known before and after its answers have taught. */
export function measureAccuracy(model: StandInModel, mostly?: Kind): KindAccuracy[] {
  const counter = new TextCounter();
  const target = encodeTarget({ model: model.name, quirks: { returnsReasoningContent: true } });
  const reported = (request: MessagesRequest): number =>
    reportedTokens(model, openaiChatCodec.encodeRequest(request, target).body);
  const factors = modelFamily(model.name).factors;
  const correction = new LearnedCorrection(factors);
  const judged = kinds.map((kind) => {
    const request = requestOf(kind, 7);
    return { kind, features: countPrompt(request, model.name, counter), tokens: reported(request) };
  });
  const errors = (): number[] => judged.map(({ features, tokens }) => correction.apply(features) / tokens - 1);
  const before = errors();
  let afterThree = before;
  for (const [index, request] of workRequests(SAMPLES, 3, mostly).entries()) {
    correction.learn(countPrompt(request, model.name, counter), reported(request));
    if (index === 2) afterThree = errors();
  }
  const after = errors();
  return judged.map(({ kind }, index) => ({
    kind,
    before: before[index] ?? Number.NaN,
    afterThree: afterThree[index] ?? Number.NaN,
    after: after[index] ?? Number.NaN,
  }));
}
