// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one.
const ESCAPES = /\u001b\[[0-9;]*m/g;

/** How many columns text takes on a terminal; escape sequences take none. */
export function width(text: string): number {
  return [...text.replace(ESCAPES, '')].length;
}

/** Text filled up with spaces to `columns`. */
export function padded(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - width(text)));
}

/** Rows in columns as wide as their widest cell, three spaces between them; the last column is not filled up. */
export function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, width(cell));
  }
  return rows.map((row) =>
    row
      .map((cell, index) => (index === row.length - 1 ? cell : padded(cell, widths[index] ?? 0)))
      .join('   ')
      .trimEnd(),
  );
}

/** The line cut to `columns`, with an ellipsis where something is missing; escape sequences stay whole. */
export function cut(line: string, columns: number): string {
  if (width(line) <= columns) return line;
  let left = Math.max(0, columns - 1);
  let text = '';
  let from = 0;
  for (const { 0: sequence, index } of [...line.matchAll(ESCAPES), { 0: '', index: line.length }]) {
    const piece = [...line.slice(from, index)].slice(0, left);
    text += piece.join('') + sequence;
    left -= piece.length;
    from = index + sequence.length;
  }
  return `${text}…`;
}

/** Plain text in lines of at most `columns`, broken between words; every line is indented as the first one, those after it a little more. */
export function wrapped(text: string, columns: number): readonly string[] {
  const lead = /^ */.exec(text)?.[0] ?? '';
  const lines: string[] = [];
  let line = lead;
  for (const word of text.trim().split(' ')) {
    const isFirst = line.trim() === '';
    if (!isFirst && width(line) + 1 + width(word) > columns) {
      lines.push(line);
      line = `${lead}  ${word}`;
    } else line = isFirst ? line + word : `${line} ${word}`;
  }
  return [...lines, line];
}
