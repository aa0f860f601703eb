import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { SimulationQuestion } from '../../src-shared/control.ts';
import { type FactsInput, factsInputSchema } from '../../src-shared/facts-input.ts';
import type { Destination, SimulationsView, SimulationView } from '../../src-shared/routing.ts';
import { type WeekDay, weekDays } from '../../src-shared/rules.ts';
import { expandHome, resolveFolders } from '../config/folders.ts';
import { loadConfig } from '../config/load-config.ts';
import { withEngine } from './control-client.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { commandName, print, styled, wrapped } from './output.ts';
import { changeTexts, printable, routeSections, shortId } from './route-text.ts';
import { sections } from './start-message.ts';

export interface SimulateOptions {
  request?: string;
  last?: number;
  config?: string;
  env?: string;
  json?: boolean;
  model?: string;
  class?: string;
  tokens?: number;
  maxTokens?: number;
  tools?: string;
  images?: boolean;
  documents?: boolean;
  thinking?: boolean;
  effort?: string;
  /** False: `--no-stream`. */
  stream?: boolean;
  protocol?: string;
  client?: string;
  project?: string;
  agent?: string;
  header?: readonly string[];
  time?: string;
}

/**
 * `cproxy simulate`
 * @returns the exit code
 */
export async function simulate(options: SimulateOptions): Promise<number> {
  const question = questionOf(options);
  const folders = resolveFolders(process.env);
  const asked = await withEngine(folders.data, (client) => client.routing.simulate(question));
  const result = asked === null ? await alone(question, options) : asked.result;
  if (options.json === true) print(JSON.stringify(result, null, 2));
  else for (const line of simulationLines(result, process.stdout.columns)) print(line);
  return exitCodes.ok;
}

async function alone(
  { edited: _, ...question }: SimulationQuestion,
  options: SimulateOptions,
): Promise<SimulationsView> {
  if (question.facts === undefined)
    throw new CommandError(
      `CProxy is not running, and knows requests only while it does. \`${commandName(process.env)} simulate --model NAME\` tries one made by hand.`,
      exitCodes.notRunning,
    );
  const folders = resolveFolders(process.env);
  const loaded = loadConfig({ file: options.config, environment: options.env, env: process.env, folders });
  const { simulateAlone } = await import('../simulation.ts');
  return simulateAlone(question, { loaded, env: process.env, folders });
}

/** @throws CommandError `usage` */
function questionOf({ request, last, config, env, json: _, ...made }: SimulateOptions): SimulationQuestion {
  const edited =
    config === undefined
      ? {}
      : { edited: { ...readEdited(config), ...(env === undefined ? {} : { environment: env }) } };
  if (env !== undefined && config === undefined)
    throw new CommandError('--env chooses a section of the file that --config names.', exitCodes.usage);
  if (last !== undefined || request !== undefined) {
    // Commander has a value for --no-stream always.
    const { stream, ...described } = made;
    if (last !== undefined && request !== undefined)
      throw new CommandError('Choose one of --request and --last.', exitCodes.usage);
    if (Object.keys(described).length > 0 || stream === false)
      throw new CommandError('A logged request is as it was; describe one with --model instead.', exitCodes.usage);
    return request === undefined ? { ...edited, ...(last === undefined ? {} : { last }) } : { ...edited, request };
  }
  return { ...edited, facts: factsFrom(made) };
}

function readEdited(config: string): { text: string; file: string } {
  const file = path.resolve(expandHome(config));
  try {
    return { text: readFileSync(file, 'utf8'), file };
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** @throws CommandError `usage` */
function factsFrom(made: SimulateOptions): FactsInput {
  const { tokens, header, time, tools, ...rest } = made;
  if (rest.model === undefined)
    throw new CommandError(
      'Say which request: --model NAME for one made by hand, --request ID or --last N for real ones.',
      exitCodes.usage,
    );
  const read = factsInputSchema.safeParse({
    ...rest,
    ...(tokens === undefined ? {} : { inputTokens: tokens }),
    ...(tools === undefined ? {} : { tools: tools.split(',').map((name) => name.trim()) }),
    ...(header === undefined ? {} : { headers: Object.fromEntries(header.map(readHeader)) }),
    ...(time === undefined ? {} : { time: readTime(time) }),
  });
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new CommandError(
    `--${issue?.path[0]?.toString() ?? 'model'}: ${issue?.message ?? 'is not valid'}`,
    exitCodes.usage,
  );
}

function readHeader(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new CommandError(`--header takes NAME=VALUE, not '${text}'.`, exitCodes.usage);
  return [text.slice(0, equals).toLowerCase(), text.slice(equals + 1)];
}

function readTime(text: string): { day: WeekDay; minute: number } {
  const [, dayName, hours, minutes] = /^([a-z]{3})[a-z]*\s+([01]?\d|2[0-3]):([0-5]\d)$/i.exec(text.trim()) ?? [];
  const day = weekDays.find((one) => one === dayName?.toLowerCase());
  if (day === undefined)
    throw new CommandError(`--time takes a day and a time such as 'mon 23:10', not '${text}'.`, exitCodes.usage);
  return { day, minute: Number(hours) * 60 + Number(minutes) };
}

/** Where requests would go. @param width of the terminal in columns; where there is none, 80. */
export function simulationLines(view: SimulationsView, width = 80): string[] {
  const { results, notes } = printable(view);
  const lines = (texts: readonly string[]): string[] => texts.flatMap((text) => wrapped(text, width, '  '));
  const [only] = results;
  const told =
    only === undefined
      ? [['No request has been routed yet.']]
      : results.length === 1
        ? oneResult(only, width)
        : manyResults(results, lines);
  return sections([...told.slice(0, 1), notes.length === 0 ? [] : ['Mind:', ...lines(notes)], ...told.slice(1)]);
}

function oneResult(
  { request, model, to, before, differs, unknown, explanation }: SimulationView,
  width: number,
): string[][] {
  const what = request === null ? model : `${shortId(request)} (${model})`;
  const was = before === null ? null : goal(before);
  return [
    [
      ...wrapped(`${what} would go ${to.target === null ? '' : 'to '}${goal(to)}`, width, '').map((line) =>
        styled('bold', line),
      ),
      ...(was === null ? [] : wrapped(differs ? `instead of ${was}` : `as before: ${was}`, width, '  ')),
    ],
    unknown.length === 0 ? [] : ['Not known:', ...unknown.flatMap((line) => wrapped(line, width, '  '))],
    ...(explanation === null ? [] : routeSections(explanation, width)),
  ];
}

/** Those that would go elsewhere, alike ones together. */
function manyResults(results: readonly SimulationView[], lines: (texts: readonly string[]) => string[]): string[][] {
  const moved = results.filter(({ differs }) => differs);
  const groups = Map.groupBy(
    moved,
    ({ class: requestClass, model, to, before }) =>
      `${requestClass}, ${model}: ${before === null ? 'nowhere' : goal(before)} -> ${goal(to)}`,
  );
  const unsure = new Set(results.flatMap(({ unknown }) => unknown));
  return [
    [
      styled(
        'bold',
        moved.length === 0
          ? `None of ${results.length} requests would go elsewhere.`
          : `${moved.length} of ${results.length} requests would go elsewhere, or be changed otherwise.`,
      ),
      ...lines(
        [...groups]
          .sort(([, a], [, b]) => b.length - a.length)
          .map(([text, alike]) => `${alike.length} x ${text}, such as ${shortId(alike[0]?.request ?? '')}`),
      ),
    ],
    unsure.size === 0 ? [] : ['Not known of some:', ...lines([...unsure])],
  ];
}

/** Where, by whose word, and as what. */
function goal({ target, route, changes }: Destination): string {
  if (target === null) return 'nowhere';
  return `${target} (${route})${changes === null ? '' : ` with ${changeTexts(changes).join('; ')}`}`;
}
