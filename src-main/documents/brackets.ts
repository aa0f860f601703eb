import { afterBlanks, beforeBlanks, beforeNewline, type Edit, indentAt, insertion, isBlank } from './text-edits.ts';

/** A list or section in brackets: JSON, YAML's flow style, TOML's inline values. Offsets; the ends are after the last character. */
export interface Bracketed {
  start: number;
  end: number;
  members: readonly { start: number; end: number }[];
}

/** How new members are written. */
export interface BracketStyle {
  newline: string;
  /** What a deeper line has before it. */
  unit: string;
  /** Whether the first member of an empty one gets a line of its own. */
  linesWhenEmpty: boolean;
  /** Between brackets and members of one line, and after commas. */
  blank: string;
}

interface Token {
  kind: 'comma' | 'comment';
  start: number;
  end: number;
  /** Nothing may follow it on its line. */
  endsLine: boolean;
}

/** What stands between members. */
function tokensBetween(text: string, from: number, to: number): Token[] {
  const found = text.slice(from, to).matchAll(/,|\/\*[\s\S]*?\*\/|\/\/[^\n\r]*|#[^\n\r]*/g);
  return [...found].map(({ 0: token, index }) => ({
    kind: token === ',' ? 'comma' : 'comment',
    start: from + index,
    end: from + index + token.length,
    endsLine: token.startsWith('//') || token.startsWith('#'),
  }));
}

/** Whether its members stand on lines of their own. */
export function isOnLines(text: string, { start, members }: Bracketed): boolean {
  const [first] = members;
  return first !== undefined && text.slice(start, first.start).includes('\n');
}

/**
 * Adds a member after the last, and after the comments that follow it.
 * @param member writes it, given whether it has lines of its own and what those begin with
 */
export function appendMember(
  text: string,
  at: Bracketed,
  member: (onLines: boolean, indent: string) => string,
  style: BracketStyle,
): Edit[] {
  const last = at.members.at(-1);
  const inner = last?.end ?? at.start + 1;
  const close = at.end - 1;
  const tokens = tokensBetween(text, inner, close);
  const outerIndent = indentAt(text, at.start);

  if (last === undefined && tokens.length === 0) {
    const indent = outerIndent + style.unit;
    const written = style.linesWhenEmpty
      ? style.newline + indent + member(true, indent) + style.newline + outerIndent
      : style.blank + member(false, outerIndent) + style.blank;
    return [{ start: inner, end: close, text: written }];
  }

  const onLines = last === undefined ? text.slice(inner, close).includes('\n') : isOnLines(text, at);
  const indent = indentOfMembers(text, at) ?? outerIndent + style.unit;
  const before = tokens.at(-1);
  const place = before?.end ?? inner;
  const breaks = onLines || before?.endsLine === true;
  const lead = breaks ? style.newline + indent : style.blank;
  const written = lead + member(onLines, indent);
  if (last === undefined) return [insertion(place, written)];
  const hasLastComma = tokens.some(({ kind }) => kind === 'comma');
  return hasLastComma ? [insertion(place, `${written},`)] : [insertion(last.end, ','), insertion(place, written)];
}

function indentOfMembers(text: string, { members }: Bracketed): string | null {
  const member = members.findLast(({ start }) => isBlank(text.slice(text.lastIndexOf('\n', start - 1) + 1, start)));
  return member === undefined ? null : indentAt(text, member.start);
}

/** Takes a member out, with its comma. Comments stay. */
export function removeMember(text: string, at: Bracketed, index: number): Edit[] {
  const member = at.members[index];
  if (member === undefined) return [];
  const previous = at.members[index - 1];
  const next = at.members[index + 1];
  const before = tokensBetween(text, previous?.end ?? at.start + 1, member.start);
  const after = tokensBetween(text, member.end, next?.start ?? at.end - 1);
  const isComment = ({ kind }: Token) => kind === 'comment';
  if (previous === undefined && next === undefined && ![...before, ...after].some(isComment))
    return [{ start: at.start + 1, end: at.end - 1, text: '' }];

  const comma =
    after.find(({ kind }) => kind === 'comma') ??
    (previous === undefined ? undefined : before.find(({ kind }) => kind === 'comma'));
  const follows = comma !== undefined && comma.start >= member.end;
  const joined = follows && isBlank(text.slice(member.end, comma.start));
  const end = joined ? comma.end : member.end;
  const apart = comma === undefined || joined ? [] : [{ start: comma.start, end: comma.end, text: '' }];
  return [...apart, { ...extent(text, at, member.start, end, before.at(-1), next !== undefined), text: '' }];
}

/** What goes with it of the blanks around it. */
function extent(
  text: string,
  at: Bracketed,
  start: number,
  end: number,
  before: Token | undefined,
  hasNext: boolean,
): { start: number; end: number } {
  const blanks = beforeBlanks(text, start, at.start + 1);
  const lineBegins = text[blanks - 1] === '\n';
  const rest = afterBlanks(text, end);
  const lineEnds = text[rest] === '\n' || text[rest] === '\r';
  const closes = rest === at.end - 1;
  const commentFollows = text[rest] === '#' || text[rest] === '/';
  if (lineBegins && (lineEnds || (closes && before?.endsLine !== true)))
    return { start: beforeNewline(text, blanks), end: lineEnds ? rest : end };
  if (lineBegins || commentFollows) return { start, end: commentFollows ? end : rest };
  return hasNext && !lineEnds ? { start, end: rest } : { start: blanks, end };
}
