import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import packageFile from '../../package.json' with { type: 'json' };
import { nearName } from '../../src-shared/near-names.ts';
import { exportFormats } from '../../src-shared/recording.ts';
import { usageParts } from '../../src-shared/usage.ts';
import type { Shell } from './completion-scripts.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { commandName, outliveReaders, print } from './output.ts';
import { asksForJson, reportError } from './report-error.ts';
import { parseSince, parseSpan } from './time-spans.ts';

/**
 * Runs `cproxy` with the arguments behind its name. Commands are loaded when they are called.
 * @returns the exit code
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  outliveReaders();
  const outcome = { exitCode: exitCodes.ok as number };
  const program = createProgram((exitCode) => {
    outcome.exitCode = exitCode;
  });
  try {
    // All behind it is Claude Code's, also `--version` and `--`: it is read by the command itself.
    if (args[0] === 'claude') {
      const { claude } = await import('./claude.ts');
      return await claude(args.slice(1));
    }
    const words = withMcpNamed(args, process.env);
    refuseUnknownCommand(program, words[0]);
    await program.parseAsync(words, { from: 'user' });
    return outcome.exitCode;
  } catch (error) {
    return reportError(error, asksForJson(program, args));
  }
}

/** The CProxy before this one was an MCP server with `--mcp`, or where `MCP_MODE` was `true` and nothing else was said. */
function withMcpNamed(args: readonly string[], env: NodeJS.ProcessEnv): readonly string[] {
  if (args[0] === '--mcp') return ['mcp', ...args.slice(1)];
  return args.length === 0 && env.MCP_MODE?.trim() === 'true' ? ['mcp'] : args;
}

/** The commands, with their options and their help. @param finish takes the exit code of the one that has run. */
export function createProgram(finish: (exitCode: number) => void): Command {
  const name = commandName(process.env);
  const program = new Command('cproxy')
    .description('One local endpoint for every AI provider: routes, translates, fails over and explains.')
    .version(packageFile.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain a command')
    .exitOverride()
    .showHelpAfterError(`\`${name} --help\` explains the commands.`)
    .configureHelp({ showGlobalOptions: false })
    .addHelpText(
      'after',
      `
Examples:
  $ cproxy                             start; says how clients get here
  $ cproxy claude                      Claude Code through CProxy, this once
  $ cproxy setup claude-code           and for good, until --undo
  $ cproxy --port 5000 --open          start on another port and open the pages in a browser
  $ cproxy serve --config my.yaml --env production
  $ cproxy status                      what runs, how its providers do, and their keys
  $ cproxy explain                     why the newest request went where it went
  $ cproxy simulate --model gpt-5      where a request would go
  $ cproxy token new laptop            a client token, shown once
  $ cproxy keys set openrouter         a provider's key, into the system's keychain
  $ cproxy config check                every problem of the configuration, with its line
  $ cproxy stop                        end the CProxy that runs

Exit codes:
  0  done    1  failed    2  wrong usage    3  CProxy is not running
With --json, an error is a document on standard output: { "error": { "code", "message" } }.`,
    );

  const configOption = () => new Option('--config <file>', 'configuration file, JSON or YAML');
  const environmentOption = () =>
    new Option('--env <name>', 'overlay of the configuration: development, staging or production');
  const jsonOption = () => new Option('--json', 'print JSON');

  program
    .command('serve', { isDefault: true })
    .description('start CProxy and stay in the foreground (the default)')
    .addOption(new Option('-p, --port <number>', 'port to listen on').argParser(parsePort))
    .option('--host <address>', 'address to listen on')
    .addOption(configOption())
    .addOption(environmentOption())
    .option('--open', 'open the pages in a browser')
    .addOption(new Option('--json', 'print where it listens as one line of JSON'))
    .addHelpText(
      'after',
      examples(
        'cproxy serve --port 5000',
        'cproxy serve --config ~/proxy.yaml --env staging',
        'cproxy serve --port 0 --json | head -1 | jq -r .endpoint',
      ),
    )
    .action(async (options) => {
      const { serve } = await import('./serve.ts');
      finish(await serve(options));
    });

  program
    .command('mcp')
    .description('be an MCP server on standard input and output, for Claude Code and the like to start')
    .addOption(configOption())
    .addOption(environmentOption())
    .addHelpText(
      'after',
      `${examples('claude mcp add cproxy -- cproxy mcp')}\n\nIt uses the CProxy that runs. While none does, it works alone; the options\nname its configuration.`,
    )
    .action(async (options) => {
      const { mcp } = await import('./mcp.ts');
      finish(await mcp(options));
    });

  program
    .command('stop')
    .description('end the CProxy that runs; answers on their way are finished first')
    .addOption(jsonOption())
    .addHelpText('after', examples('cproxy stop', 'cproxy stop && cproxy serve --port 5000'))
    .action(async (options) => {
      const { stop } = await import('./stop.ts');
      finish(await stop(options));
    });

  program
    .command('status')
    .description('what runs, how its providers do, their keys, and the newest requests')
    .option('--probe', 'ask all providers first how they are, without cost')
    .addOption(new Option('--watch', 'show it anew every second, until Ctrl-C').conflicts('json'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'cproxy status',
        'cproxy status --probe',
        'cproxy status --watch',
        'cproxy status --json | jq .endpoint',
      ),
    )
    .action(async (options) => {
      const { status } = await import('./status.ts');
      finish(await status(options));
    });

  program
    .command('health')
    .description('what is not as it should be, and what to do; this machine, and what failed last')
    .addOption(jsonOption())
    .addHelpText('after', examples('cproxy health', "cproxy health --json | jq -r '.problems[].problem'"))
    .action(async (options) => {
      const { health } = await import('./health.ts');
      finish(await health(options));
    });

  program
    .command('cache')
    .description('answers that are kept, and how often they were given again')
    .option('--clear', 'forget them all first')
    .addOption(jsonOption())
    .addHelpText('after', examples('cproxy cache', 'cproxy cache --clear', 'cproxy cache --json | jq .hits'))
    .action(async (options) => {
      const { cache } = await import('./cache.ts');
      finish(await cache(options));
    });

  program
    .command('limits')
    .description('rates: what of each minute is used, what is under way, who waits')
    .addOption(jsonOption())
    .addHelpText('after', examples('cproxy limits', "cproxy limits --json | jq '.rates[].counters'"))
    .action(async (options) => {
      const { limits } = await import('./limits.ts');
      finish(await limits(options));
    });

  program
    .command('budgets')
    .description('what may be spent in a day or a month, and what is spent')
    .option('--reset <id>', 'have one count from nothing again, until its day or month ends')
    .addOption(jsonOption())
    .addHelpText('after', examples('cproxy budgets', 'cproxy budgets --reset everything'))
    .action(async (options) => {
      const { budgets } = await import('./budgets.ts');
      finish(await budgets(options));
    });

  program
    .command('circuits')
    .description('targets that are left alone after they failed too often')
    .argument('[target]', 'with --reset: a provider, or provider-id/model-id; all where absent')
    .option('--reset', 'have them tried again at once')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ cproxy circuits\n  $ cproxy circuits --reset\n  $ cproxy circuits --reset openrouter/gpt-5.5',
    )
    .action(async (target: string | undefined, options) => {
      const { circuits } = await import('./circuits.ts');
      finish(await circuits(target, options));
    });

  program
    .command('requests')
    .description('what was asked, newest first: when, what became of it, tokens read / written, and cost')
    .argument('[text]', "a part of a model's name or of a folder, or the beginning of an id")
    .option('--failed', 'only those that failed')
    .option('--provider <id>', 'that a provider answered, or was asked')
    .option('--model <name>', 'that were asked of a model, or answered by one')
    .option('--session <id>', 'of a session')
    .option('--project <folder>', 'of a folder')
    .option('--client <name>', 'that came with a client token')
    .addOption(
      new Option('--since <time>', 'from then on: 30m, 2h, 7d, or 2026-11-01').argParser((text: string) =>
        parseSince(text),
      ),
    )
    .addOption(new Option('--limit <number>', 'how many; 50 where absent').argParser(parseCount))
    .option('--after <place>', 'where the page before ended')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples('cproxy requests --failed --since 2h', 'cproxy requests --project ~/work/app --json | jq .rows[].id'),
    )
    .action(async (text: string | undefined, options) => {
      const { requests } = await import('./requests.ts');
      finish(await requests(text, options));
    });

  program
    .command('replay')
    .description('ask once more what a request asked; it costs what any request costs')
    .argument('<id>', 'of a request, or the beginning of one; latest, or failed for the latest that failed')
    .option('--model <name>', 'of another model, such as provider-id/model-id')
    .option('--yes', 'do not ask first')
    .addOption(jsonOption())
    .addHelpText('after', examples('cproxy replay 3f2a', 'cproxy replay failed --model openrouter/gpt-5.5 --yes'))
    .action(async (id: string, options) => {
      const { replay } = await import('./replay.ts');
      finish(await replay(id, options));
    });

  program
    .command('record')
    .description('what is said in requests, on the disk for a while; without an option, what is recorded now')
    .addOption(new Option('--for <time>', 'from now on: 30m, 2h; a day at most').argParser(parseSpan).conflicts('stop'))
    .option('--errors', 'only of requests that fail')
    .option('--stop', 'end it')
    .option('--clear', 'forget all that is kept, in memory and on the disk')
    .option('--yes', 'do not ask before --clear')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples('cproxy record --for 30m', 'cproxy record --for 2h --errors', 'cproxy record --stop --clear'),
    )
    .action(async (options) => {
      const { record } = await import('./record.ts');
      finish(await record(options));
    });

  program
    .command('export')
    .description('requests with their attempts, tokens and cost as a file, newest first; with --bodies, what was said')
    .argument('[ids...]', 'of requests, or their beginnings; all that fit the filters where absent')
    .addOption(new Option('--format <name>', 'how they are written').choices(exportFormats).default('jsonl'))
    .option('--bodies', 'with what was said, where that is kept')
    .option('-o, --output <file>', 'where to; standard output where absent')
    .option('--failed', 'only those that failed')
    .option('--provider <id>', 'that a provider answered, or was asked')
    .option('--model <name>', 'that were asked of a model, or answered by one')
    .option('--session <id>', 'of a session')
    .option('--project <folder>', 'of a folder')
    .option('--client <name>', 'that came with a client token')
    .addOption(
      new Option('--since <time>', 'from then on: 30m, 2h, 7d, or 2026-11-01').argParser((text: string) =>
        parseSince(text),
      ),
    )
    .addHelpText(
      'after',
      examples(
        'cproxy export --since 1d --format har --bodies -o requests.har',
        'cproxy export failed --bodies | jq .bodies.answer.text',
      ),
    )
    .action(async (ids: readonly string[], options) => {
      const { exportRequests } = await import('./export.ts');
      finish(await exportRequests(ids, options));
    });

  program
    .command('usage')
    .description('tokens and cost, by model, provider, day and the like; how far subscriptions are used up')
    .addOption(
      new Option('--by <parts...>', 'one or two of: provider, model, route, project, client, class, session, day, hour')
        .choices(usageParts)
        .default(['model']),
    )
    .addOption(
      new Option('--since <time>', 'from then on: 2h, 7d, 4w, or 2026-11-01').argParser((text: string) =>
        parseSince(text),
      ),
    )
    .option('--provider <id>', 'of one provider')
    .option('--model <name>', 'of one model')
    .option('--project <folder>', 'of one folder')
    .option('--client <name>', 'of one client token')
    .addOption(new Option('--limit <number>', 'how many lines; 200 where absent').argParser(parseCount))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples('cproxy usage --since 7d --by day', 'cproxy usage --by provider model', 'cproxy usage --by session'),
    )
    .action(async (options) => {
      const { usage } = await import('./usage.ts');
      finish(await usage(options));
    });

  program
    .command('explain')
    .description('why a request went where it went, and what happened there')
    .argument('[id]', 'of the request (x-cproxy-request-id), or its beginning; the newest where absent')
    .option('--failed', 'the latest that failed')
    .addOption(jsonOption())
    .addHelpText('after', '\nExamples:\n  $ cproxy explain\n  $ cproxy explain req_8f3a\n  $ cproxy explain --failed')
    .action(async (id: string | undefined, options) => {
      const { explain } = await import('./explain.ts');
      finish(await explain(id, options));
    });

  program
    .command('simulate')
    .description('where requests would go, without calling anyone')
    .option('--request <id>', 'a logged request, by its id or the beginning of one')
    .option('--last <number>', 'the newest so many logged requests', parseCount)
    .option('--config <file>', 'try the aliases and rules of this file instead of those in force')
    .addOption(environmentOption())
    .option('--model <name>', 'a request made by hand, that asks for this model')
    .option('--class <class>', 'what kind of request it is, such as background or subagent')
    .option('--tokens <number>', 'how much there is to read, in tokens', parseCount)
    .option('--max-tokens <number>', 'the most tokens of the answer', parseCount)
    .option('--tools <names>', 'tools that it offers, with commas between')
    .option('--images', 'there are images in it')
    .option('--documents', 'there are documents in it')
    .option('--thinking', 'the model is asked to think')
    .option('--effort <effort>', 'how hard')
    .option('--no-stream', 'no stream is asked for')
    .addOption(
      new Option('--protocol <protocol>', 'what its client speaks').choices([
        'anthropic',
        'openai-chat',
        'openai-responses',
      ]),
    )
    .option('--client <name>', 'the program that asks, such as claude-code')
    .option('--project <folder>', 'the folder it works in')
    .option('--agent <id>', 'the subagent that asks')
    .option('--header <name=value>', 'a header it brings; may be repeated', collect)
    .option('--time <day and time>', "when it is asked, such as 'mon 23:10'; now where absent")
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ cproxy simulate --model claude-haiku-4-5 --class background\n  $ cproxy simulate --request req_8f3a --config edited.yaml\n  $ cproxy simulate --last 100 --config edited.yaml',
    )
    .action(async (options) => {
      const { simulate } = await import('./simulate.ts');
      finish(await simulate(options));
    });

  const token = program
    .command('token')
    .description('client tokens, which open the model endpoints')
    .addHelpText(
      'after',
      examples(
        'export ANTHROPIC_AUTH_TOKEN=$(cproxy token new laptop)',
        'cproxy token list',
        'cproxy token revoke 1f0c9a2e',
      ),
    );
  token
    .command('new')
    .description('make a token; it is printed now and never again')
    .argument('<name>', 'what it is for')
    .option('--for <time>', 'how long it is good for, such as 90m, 8h or 30d; until it is revoked where absent')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'export ANTHROPIC_AUTH_TOKEN=$(cproxy token new laptop)',
        'cproxy token new ci --for 30d',
        'cproxy token new ci --json | jq -r .token',
      ),
    )
    .action(async (tokenName: string, options) => {
      const { newToken } = await import('./token.ts');
      await newToken(tokenName, options);
    });
  token
    .command('list')
    .description('ids and names of the tokens')
    .addOption(jsonOption())
    .addHelpText('after', examples('cproxy token list', "cproxy token list --json | jq -r '.[].name'"))
    .action(async (options) => {
      const { listTokens } = await import('./token.ts');
      await listTokens(options);
    });
  token
    .command('revoke')
    .description('make a token useless')
    .argument('<id>', 'its id, from `cproxy token list`')
    .addOption(jsonOption())
    .addHelpText('after', examples('cproxy token revoke 1f0c9a2e'))
    .action(async (id: string, options) => {
      const { revokeToken } = await import('./token.ts');
      await revokeToken(id, options);
    });

  const keys = program
    .command('keys')
    .description("providers' keys, in the system's keychain")
    .addHelpText(
      'after',
      '\nExamples:\n  $ cproxy keys set deepseek            asks for the key, and shows nothing of it\n  $ pass show openai | cproxy keys set openai --name work\n  $ cproxy keys list\n  $ cproxy keys remove deepseek',
    );
  const nameOption = () => new Option('--name <name>', "name of the entry, for keychain:NAME; else the provider's");
  keys
    .command('set')
    .description('store a key; it is asked for, or read from standard input')
    .argument('<provider>', 'id of a provider in the configuration, or the name of a vendor')
    .addOption(nameOption())
    .addOption(configOption())
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('cproxy keys set deepseek', 'pass show openai | cproxy keys set openai --name work'))
    // Whatever else there is may be the key: it is refused without being repeated.
    .allowExcessArguments()
    .allowUnknownOption()
    .action(async (provider: string, options, command: Command) => {
      const { setKey } = await import('./keys.ts');
      await setKey(provider, command.args.slice(1), options);
    });
  keys
    .command('list')
    .description('names of the stored keys, and the addresses they are for')
    .addOption(configOption())
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('cproxy keys list', "cproxy keys list --json | jq -r '.keys[].name'"))
    .action(async (options) => {
      const { listKeys } = await import('./keys.ts');
      await listKeys(options);
    });
  keys
    .command('remove')
    .description('forget a stored key')
    .argument('<provider>', 'what it was set for')
    .addOption(nameOption())
    .addOption(configOption())
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('cproxy keys remove deepseek', 'cproxy keys remove openai --name work'))
    .action(async (provider: string, options) => {
      const { removeKey } = await import('./keys.ts');
      await removeKey(provider, options);
    });

  program
    .command('login')
    .description('a code that opens the pages in a browser, once')
    .addOption(jsonOption())
    .addHelpText('after', examples('cproxy login', 'cproxy login --json | jq -r .code'))
    .action(async (options) => {
      const { login } = await import('./login.ts');
      await login(options);
    });

  const keysOption = () =>
    new Option(
      '--keys <place>',
      "store keys that stand in the old file in the system's keychain, with --write",
    ).choices(['keychain']);
  const config = program
    .command('config')
    .description('the configuration')
    .addHelpText(
      'after',
      examples(
        '$EDITOR $(cproxy config path)',
        'cproxy config check --env production',
        'cproxy config set routing.loadBalancing.strategy fastest',
        'cproxy config rollback',
      ),
    );
  config
    .command('path')
    .description('path of the file that is read, or where to make one')
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('$EDITOR $(cproxy config path)'))
    .action(async (options) => {
      const { configPath } = await import('./config.ts');
      configPath(options);
    });
  config
    .command('check')
    .description('every problem, as file:line:column')
    .argument('[file]', 'the file to check; the one that is read where absent')
    .addOption(configOption())
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples('cproxy config check', 'cproxy config check draft.yaml --env production', 'cproxy config check --json'),
    )
    .action(async (file: string | undefined, options) => {
      const { checkConfig } = await import('./config.ts');
      finish(checkConfig(file, options));
    });
  config
    .command('show')
    .description('the configuration in force, or as it would be, and where values come from')
    .addOption(configOption())
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('cproxy config show', 'cproxy config show --json | jq .config.routing'))
    .action(async (options) => {
      const { showConfig } = await import('./config.ts');
      await showConfig(options);
    });
  config
    .command('schema')
    .description('the JSON Schema of the configuration, for editors')
    .addHelpText('after', examples('cproxy config schema > cproxy.schema.json'))
    .action(async () => {
      const { printSchema } = await import('./config.ts');
      printSchema();
    });
  config
    .command('set')
    .description('change one place of the file; everything else stays as it is written')
    .argument('<path>', 'such as server.port, providers[0].enabled or providers.openrouter.enabled')
    .argument('<value>', 'a word, a number, or JSON')
    .addOption(configOption())
    .option('--dry-run', 'show what would change, and change nothing')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'cproxy config set server.port 5000',
        'cproxy config set providers.openrouter.enabled false',
        `cproxy config set aliases.best '["openrouter/qwen/qwen3-coder", "local/qwen3"]'`,
      ),
    )
    .action(async (place: string, value: string, options) => {
      const { setConfig } = await import('./config-file.ts');
      await setConfig(place, value, options);
    });
  config
    .command('unset')
    .description('take one place out of the file')
    .argument('<path>', 'as for set')
    .addOption(configOption())
    .option('--dry-run', 'show what would change, and change nothing')
    .addOption(jsonOption())
    .addHelpText('after', examples('cproxy config unset aliases.best', 'cproxy config unset providers.openrouter'))
    .action(async (place: string, options) => {
      const { unsetConfig } = await import('./config-file.ts');
      await unsetConfig(place, options);
    });
  config
    .command('versions')
    .description('what the file was before, newest first')
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('cproxy config versions'))
    .action(async (options) => {
      const { configVersions } = await import('./config-file.ts');
      await configVersions(options);
    });
  config
    .command('rollback')
    .description('bring an earlier version of the file back; shows what changes, and asks')
    .argument('[id]', 'from `cproxy config versions`; the newest where absent')
    .addOption(configOption())
    .option('-y, --yes', 'do not ask')
    .addOption(jsonOption())
    .addHelpText('after', examples('cproxy config rollback', 'cproxy config rollback 20260504-173005123 --yes'))
    .action(async (id: string | undefined, options) => {
      const { rollbackConfig } = await import('./config-file.ts');
      await rollbackConfig(id, options);
    });

  config
    .command('migrate')
    .description("bring a configuration of the old cproxy, or its environment variables, into today's form")
    .addOption(configOption())
    .option('--write', 'write it; what the file said before is kept')
    .addOption(keysOption())
    .option('-y, --yes', 'do not ask')
    .addOption(jsonOption())
    .addHelpText('after', examples('cproxy config migrate', 'cproxy config migrate --write'))
    .action(async (options) => {
      const { migrateConfig } = await import('./migrate.ts');
      finish(await migrateConfig(options));
    });
  config
    .command('import')
    .description('carry the configuration of claude-code-router, cc-switch or LiteLLM over')
    .argument('[file]', 'their file, export or database; found where they keep it where absent')
    .addOption(
      new Option('--from <program>', 'whose it is, where that does not show').choices(['ccr', 'cc-switch', 'litellm']),
    )
    .addOption(configOption())
    .option('--write', 'write it, or add it to the file that is there')
    .addOption(keysOption())
    .option('-y, --yes', 'do not ask')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'cproxy config import ~/.claude-code-router/config.json',
        'cproxy config import litellm.yaml --write',
        'cproxy config import --from cc-switch --write --keys keychain',
      ),
    )
    .action(async (file: string | undefined, options) => {
      const { importOther } = await import('./import.ts');
      finish(await importOther(file, options));
    });

  program
    .command('doctor')
    .description('checks everything that costs nothing; on request, providers with small real requests')
    .option('--providers [ids...]', 'try these providers, or all, with small real requests; the cost is told first')
    .option('--models <pattern>', 'all, or a name with * in it; else of each provider the model that is used most')
    .option('--only <checks>', 'such as tools,streaming; `--help` lists them')
    .option(
      '--at-once <number>',
      'most requests at a time to one provider (3); to a server of your own, one',
      parseCount,
    )
    .option('-y, --yes', 'do not ask')
    .addOption(configOption())
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `\nChecks: plain, streaming, tools, parallel, result, thinking, images, count, long, structured\n${examples(
        'cproxy doctor',
        'cproxy doctor --providers',
        "cproxy doctor --providers openrouter --models '*claude*' --only tools,parallel",
        'cproxy doctor --providers local --yes --json',
      )}`,
    )
    .action(async (options) => {
      const { doctor } = await import('./doctor.ts');
      finish(await doctor(options));
    });

  program
    .command('claude')
    .description('run Claude Code through CProxy for one session; no settings are touched')
    .argument('[args...]', 'for Claude Code, as they are')
    .option('--subscription', 'keep your own Claude login, for a provider with key: client; found out where not said')
    .option('--no-subscription', 'do not send it')
    .option('--program <path>', 'the program to start, as CPROXY_CLAUDE names it; claude on the PATH where absent')
    .helpOption(false)
    .allowUnknownOption()
    .addHelpText(
      'after',
      `
Options of CProxy come first; the first other word and all behind it is for Claude Code.
Where no CProxy runs, one runs for as long as the session.
The exit code is that of Claude Code.

Examples:
  $ cproxy claude
  $ cproxy claude --continue
  $ cproxy claude --subscription --model opus
  $ cproxy claude -p 'what is in this folder?'
  $ cproxy claude --help                   help of Claude Code; \`cproxy help claude\` is this one`,
    );

  program
    .command('setup')
    .description('have a client use CProxy; shows what changes, asks, and can be undone')
    .argument('<client>', 'such as claude-code')
    .option('--dry-run', 'show what would change, and change nothing')
    .option('--undo', 'take it back; what you have changed since stays')
    .option('-y, --yes', 'do not ask')
    .option('--subscription', "keep your own Claude login (needs a provider with 'key: client')")
    .option('--no-subscription', 'use a token after all')
    .option('--model <name>', 'the model it begins with')
    .option('--opus-model <name>', 'what Claude Code calls opus')
    .option('--sonnet-model <name>', 'what Claude Code calls sonnet')
    .option('--haiku-model <name>', 'what Claude Code calls haiku')
    .option('--accept-edits', 'have Claude Code edit without asking, instead of its auto mode')
    .option('--no-accept-edits', 'leave its mode as it is after all')
    .option('--hints', 'have it tell what kind of request each is (it does unless told otherwise)')
    .option('--no-hints', 'do not')
    .option('--discovery', 'have it list the models of CProxy (it does unless told otherwise)')
    .option('--no-discovery', 'do not')
    .option('--no-wait', 'do not wait for its next request to see that it works')
    .addOption(configOption())
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'cproxy setup claude-code --dry-run',
        'cproxy setup claude-code',
        'cproxy setup claude-code --subscription --yes',
        'cproxy setup claude-code --model local/qwen3-coder --accept-edits',
        'cproxy setup claude-code --undo',
      ).concat('\n\nMade again, it follows CProxy to another address and keeps the options it was made with.'),
    )
    .action(async (client: string, options) => {
      const { setUpClient } = await import('./setup.ts');
      finish(await setUpClient(client, options));
    });

  program
    .command('completion')
    .description('completion of commands, options and names for a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish', 'powershell']))
    .addHelpText('after', `${examples('cproxy completion bash')}\n\nIts first lines say how to install it.`)
    .action(async (shell: Shell) => {
      const { completionScript } = await import('./completion-scripts.ts');
      print(completionScript(shell, name));
    });
  program
    .command('__complete', { hidden: true })
    .description('what may stand next on a command line; asked by the scripts of `completion`')
    .argument('[words...]', 'what stands there, behind --; the last of them is being written')
    .action(async (words: readonly string[]) => {
      const { completions } = await import('./completions.ts');
      for (const line of await completions(program, words)) print(line);
    });

  return program;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('It must be a number from 0 to 65535.');
  return port;
}

function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

const collect = (text: string, before: readonly string[] = []): string[] => [...before, text];

/** How a command is used, below its options. */
function examples(...lines: readonly string[]): string {
  return `\n${lines.length === 1 ? 'Example' : 'Examples'}:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}

/** With a default command, a misspelt one would be taken for its argument. */
function refuseUnknownCommand(program: Command, first: string | undefined): void {
  if (first === undefined || first.startsWith('-')) return;
  const known = [...program.commands.map((command) => command.name()), 'help'];
  if (known.includes(first)) return;
  const meant = nearName(first, known);
  throw new CommandError(
    `There is no command '${first}'${meant === null ? '.' : `; did you mean ${meant}?`} \`${commandName(process.env)} --help\` explains the commands.`,
    exitCodes.usage,
  );
}
