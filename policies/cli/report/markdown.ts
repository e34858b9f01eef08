/** Markdown that stays within its cell, for comments on pull requests. */

/** User text in a table cell or list item: nothing in it ends the cell or opens a tag. */
export function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
}

/** User text as code. */
export function code(text: string): string {
  return `\`${text.replaceAll('`', "'").replaceAll('|', '\\|').replaceAll('\n', ' ')}\``;
}

/** A table, its cells already written. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

/** Lines that fold away; none without lines. */
export function folded(title: string, lines: readonly string[]): readonly string[] {
  if (lines.length === 0) return [];
  return ['', `<details><summary>${cell(title)}</summary>`, '', ...lines, '', '</details>'];
}
