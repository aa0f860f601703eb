/** A tool as an agent describes it to the model. */
export interface Tool {
  name: string;
  description: string;
  input_schema: object;
}

type Field = Record<string, unknown>;

const text = (description: string): Field => ({ type: 'string', description });
const count = (description: string): Field => ({ type: 'integer', minimum: 0, description });
const flag = (description: string): Field => ({ type: 'boolean', default: false, description });
const choice = (description: string, ...values: string[]): Field => ({ type: 'string', enum: values, description });
const list = (description: string, items: Field): Field => ({ type: 'array', minItems: 1, description, items });
const record = (properties: Record<string, Field>, required: string[]): Field => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

const tool = (name: string, summary: string, properties: Record<string, Field>, ...required: string[]): Tool => ({
  name,
  description: `${summary}\n\n${usage(name)}`,
  input_schema: { $schema: 'https://json-schema.org/draft/2020-12/schema', ...record(properties, required) },
});

/** Notes of the length that agents give their tools: about 900 bytes with lists, quotes and back-ticks in them. */
function usage(name: string): string {
  return [
    'Usage notes:',
    `- Call ${name} only when its result changes what you do next; a result that is already in the conversation is not asked for twice.`,
    '- Paths are absolute. A path that begins with "~" is refused with the text `path must be absolute`, and nothing is done.',
    `- Several calls of ${name} that do not depend on each other go into one message, so that they run side by side.`,
    '- Output longer than 30,000 characters is cut in the middle, and the cut is marked with "[... N characters left out ...]".',
    '- When a call fails, read the message before you try again: the same arguments give the same failure.',
    '',
    'Examples:',
    `  ${name}({ "description": "look at the \\"retry\\" branch" })  -> good: says what for`,
    `  ${name}({ "description": "do it" })  -> bad: the person who reads along learns nothing from it`,
  ].join('\n');
}

const why = text('What the call is for, in five to ten words; shown to the person who reads along');

/** The 18 tools of the measured request, in the form and size of those of a coding agent. */
export const tools: readonly Tool[] = [
  tool(
    'Bash',
    'Runs a command in a shell that keeps its working directory between calls — not its variables.',
    {
      command: text('The command line'),
      timeout: count('Milliseconds, at most 600000'),
      description: why,
      run_in_background: flag('Return at once'),
    },
    'command',
  ),
  tool(
    'Read',
    'Reads a file: text with line numbers, an image, or the pages of a PDF.',
    { file_path: text('Absolute path'), offset: count('First line'), limit: count('Number of lines') },
    'file_path',
  ),
  tool(
    'Edit',
    'Replaces one exact piece of text in a file.',
    {
      file_path: text('Absolute path'),
      old_string: text('Text to replace, unique in the file'),
      new_string: text('Text in its place'),
      replace_all: flag('Every occurrence'),
    },
    'file_path',
    'old_string',
    'new_string',
  ),
  tool(
    'MultiEdit',
    'Several replacements in one file, all or none of them.',
    {
      file_path: text('Absolute path'),
      edits: list(
        'In this order',
        record({ old_string: text('Text to replace'), new_string: text('Text in its place') }, ['old_string']),
      ),
    },
    'file_path',
    'edits',
  ),
  tool(
    'Write',
    'Writes a file, replacing what was there.',
    { file_path: text('Absolute path'), content: text('All of it') },
    'file_path',
    'content',
  ),
  tool(
    'Glob',
    'Finds files by the form of their names, newest first.',
    { pattern: text('Such as "src/**/*.ts"'), path: text('Folder to search') },
    'pattern',
  ),
  tool(
    'Grep',
    'Searches files for a regular expression.',
    {
      pattern: text('Regular expression'),
      path: text('File or folder'),
      glob: text('Only files with such names'),
      output_mode: choice('What to give back', 'content', 'files_with_matches', 'count'),
      '-A': count('Lines after a match'),
      '-B': count('Lines before a match'),
      '-i': flag('Without regard to case'),
      multiline: flag('Let "." match line ends'),
    },
    'pattern',
  ),
  tool(
    'Agent',
    'Gives a task to an agent of its own, which answers once — with what you are to know, not with what it did.',
    {
      description: why,
      prompt: text('The whole task; the agent sees nothing else'),
      subagent_type: choice('Which one', 'general', 'explore', 'plan', 'review'),
      model: choice('Where it should differ', 'opus', 'sonnet', 'haiku'),
    },
    'description',
    'prompt',
  ),
  tool(
    'TodoWrite',
    'Writes the list of steps that the person sees.',
    {
      todos: list(
        'The whole list',
        record(
          {
            content: text('The step'),
            activeForm: text('The step while it is done'),
            status: choice('How far it is', 'pending', 'in_progress', 'completed'),
          },
          ['content', 'status'],
        ),
      ),
    },
    'todos',
  ),
  tool(
    'WebFetch',
    'Reads a web page and answers a question about it.',
    { url: { type: 'string', format: 'uri', description: 'https only' }, prompt: text('The question') },
    'url',
    'prompt',
  ),
  tool(
    'WebSearch',
    'Searches the web — the newest pages first.',
    {
      query: { type: 'string', minLength: 2, description: 'What to look for' },
      allowed_domains: list('Only these', { type: 'string' }),
      blocked_domains: list('Not these', { type: 'string' }),
    },
    'query',
  ),
  tool(
    'NotebookEdit',
    'Replaces, inserts or deletes a cell of a notebook.',
    {
      notebook_path: text('Absolute path'),
      cell_id: text('The cell'),
      new_source: text('Its new text'),
      cell_type: choice('Kind of an inserted cell', 'code', 'markdown'),
      edit_mode: choice('What to do', 'replace', 'insert', 'delete'),
    },
    'notebook_path',
    'new_source',
  ),
  tool(
    'BashOutput',
    'Gives what a background command has printed since the last call.',
    { bash_id: text('The command'), filter: text('Only lines that match this expression') },
    'bash_id',
  ),
  tool('KillShell', 'Ends a background command.', { shell_id: text('The command') }, 'shell_id'),
  tool(
    'AskUserQuestion',
    'Asks the person to choose.',
    {
      questions: list(
        'One to four',
        record(
          {
            question: text('In full'),
            header: text('At most twelve characters'),
            multiSelect: flag('More than one may be chosen'),
            options: list(
              'Two to four',
              record({ label: text('Short'), description: text('What it would mean') }, ['label']),
            ),
          },
          ['question', 'options'],
        ),
      ),
    },
    'questions',
  ),
  tool('Skill', 'Runs a named set of instructions.', { skill: text('Its name'), args: text('Its arguments') }, 'skill'),
  tool(
    'mcp__tracker__search_issues',
    'Finds issues in the tracker.',
    {
      query: text('Words to find'),
      state: choice('Which ones', 'open', 'closed', 'all'),
      labels: list('With all of these labels', { type: 'string' }),
      page: count('Page number'),
    },
    'query',
  ),
  tool(
    'mcp__tracker__create_comment',
    'Writes a comment below an issue.',
    { issue: count('Number of the issue'), body: text('Markdown') },
    'issue',
    'body',
  ),
];
