import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import packageFile from '../../package.json' with { type: 'json' };
import { nearName } from '../../src-shared/near-names.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { commandName, note, outliveReaders } from './output.ts';

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
    refuseUnknownCommand(program, args[0]);
    await program.parseAsync(args, { from: 'user' });
    return outcome.exitCode;
  } catch (error) {
    return report(error);
  }
}

function createProgram(finish: (exitCode: number) => void): Command {
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
  $ cproxy                             start; prints the lines that point Claude Code here
  $ cproxy --port 5000 --open          start on another port and open the pages in a browser
  $ cproxy serve --config my.yaml --env production
  $ cproxy status                      what runs, how its providers do, and their keys
  $ cproxy explain                     why the newest request went where it went
  $ cproxy simulate --model gpt-5      where a request would go
  $ cproxy token new laptop            a client token, shown once
  $ cproxy keys set openrouter         a provider's key, into the system's keychain
  $ cproxy config check                every problem of the configuration, with its line

Exit codes:
  0  done    1  failed    2  wrong usage    3  CProxy is not running`,
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
    .addHelpText(
      'after',
      '\nExamples:\n  $ cproxy serve --port 5000\n  $ cproxy serve --config ~/proxy.yaml --env staging',
    )
    .action(async (options) => {
      const { serve } = await import('./serve.ts');
      finish(await serve(options));
    });

  program
    .command('status')
    .description('what runs, how its providers do, and their keys')
    .option('--probe', 'ask all providers first how they are, without cost')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ cproxy status\n  $ cproxy status --probe\n  $ cproxy status --json | jq .endpoint',
    )
    .action(async (options) => {
      const { status } = await import('./status.ts');
      finish(await status(options));
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
      '\nExamples:\n  $ export ANTHROPIC_AUTH_TOKEN=$(cproxy token new laptop)\n  $ cproxy token list\n  $ cproxy token revoke 1f0c9a2e',
    );
  token
    .command('new')
    .description('make a token; it is printed now and never again')
    .argument('<name>', 'what it is for')
    .action(async (tokenName: string) => {
      const { newToken } = await import('./token.ts');
      await newToken(tokenName);
    });
  token
    .command('list')
    .description('ids and names of the tokens')
    .action(async () => {
      const { listTokens } = await import('./token.ts');
      await listTokens();
    });
  token
    .command('revoke')
    .description('make a token useless')
    .argument('<id>', 'its id, from `cproxy token list`')
    .action(async (id: string) => {
      const { revokeToken } = await import('./token.ts');
      await revokeToken(id);
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
    .action(async (provider: string, options) => {
      const { removeKey } = await import('./keys.ts');
      await removeKey(provider, options);
    });

  program
    .command('login')
    .description('a code that opens the pages in a browser, once')
    .addHelpText('after', '\nExample:\n  $ cproxy login')
    .action(async () => {
      const { login } = await import('./login.ts');
      await login();
    });

  const config = program
    .command('config')
    .description('the configuration')
    .addHelpText(
      'after',
      '\nExamples:\n  $ $EDITOR $(cproxy config path)\n  $ cproxy config check --env production\n  $ cproxy config show --json',
    );
  config
    .command('path')
    .description('path of the file that is read, or where to make one')
    .addOption(configOption())
    .action(async (options) => {
      const { configPath } = await import('./config.ts');
      configPath(options);
    });
  config
    .command('check')
    .description('every problem, with its line')
    .addOption(configOption())
    .addOption(environmentOption())
    .action(async (options) => {
      const { checkConfig } = await import('./config.ts');
      checkConfig(options);
    });
  config
    .command('show')
    .description('the configuration as it would be in force, and where values come from')
    .addOption(configOption())
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const { showConfig } = await import('./config.ts');
      showConfig(options);
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

/** With a default command, a misspelt one would be taken for its argument. */
function refuseUnknownCommand(program: Command, first: string | undefined): void {
  if (first === undefined || first.startsWith('-')) return;
  const known = [...program.commands.map((command) => command.name()), 'help'];
  if (known.includes(first)) return;
  const meant = nearName(first, known);
  throw new CommandError(
    `There is no command '${first}'${meant === null ? '' : `; did you mean ${meant}?`} \`${commandName(process.env)} --help\` explains the commands.`,
    exitCodes.usage,
  );
}

/** Errors that a user can do something about have a message; anything else is a bug and shows where it happened. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof CommandError) {
    note(error.message);
    return error.exitCode;
  }
  if (error instanceof Error && (expectedErrors.has(error.name) || isRefusedFile(error))) {
    note(error.message);
    return exitCodes.failure;
  }
  note(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return exitCodes.failure;
}

/** The file system said no, as to a folder that belongs to another user. Its message names the file. */
function isRefusedFile(error: NodeJS.ErrnoException): boolean {
  return error.syscall !== undefined && error.path !== undefined;
}

/** By name: their modules are loaded only by the commands that need them. */
const expectedErrors = new Set(['ConfigError', 'EngineStartError', 'LockHeldError', 'ProxyError']);
