import type { Command } from 'commander';
import { createProgram } from '../../src-main/cli/program.ts';

const begin = '<!-- commands: made by `node scripts/run.mjs scripts/make-command-line.mjs` -->';
const end = '<!-- commands: end -->';

/** The page with the help of every command, as `--help` prints it. */
export function withCommands(page: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from === -1 || to < from) throw new Error(`the page has no place for the commands, from ${begin} to ${end}`);
  const sections = commandsOf(createProgram(() => undefined)).map(
    ({ name, help }) => `### \`${name}\`\n\n\`\`\`text\n${help}\n\`\`\``,
  );
  return `${page.slice(0, from + begin.length)}\n\n${sections.join('\n\n')}\n\n${page.slice(to)}`;
}

/** Every command that is shown, with those below it behind it. */
export function commandsOf(command: Command, above: readonly string[] = []): { name: string; help: string }[] {
  const path = [...above, command.name()];
  const children = command.createHelp().visibleCommands(command);
  return [
    ...(above.length === 0 ? [] : [{ name: path.join(' '), help: helpOf(command) }]),
    ...children.filter((child) => child.name() !== 'help').flatMap((child) => commandsOf(child, path)),
  ];
}

/** As on a terminal of 100 columns, without colours. */
export function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text.trimEnd();
}
