/** Mermaid flowcharts of callers and callees. */

/** One arrow; `kind` decides how it is drawn. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly label: string;
  readonly kind: 'same' | 'added' | 'removed';
}

const STROKES = { same: null, added: 'stroke:#1a7f37,stroke-width:3px', removed: 'stroke:#cf222e,stroke-dasharray:4' };

/** The chart, ending with a line break; added arrows are thick and marked +, removed ones broken and marked -. */
export function mermaid(arrows: readonly Arrow[]): string {
  const names = [...new Set(arrows.flatMap(({ from, to }) => [from, to]))];
  const idOf = new Map(names.map((name, index) => [name, `n${index}`]));
  const styles = arrows.flatMap(({ kind }, index) => {
    const stroke = STROKES[kind];
    return stroke === null ? [] : [`  linkStyle ${index} ${stroke}`];
  });
  return [
    'flowchart LR',
    ...names.map((name) => `  ${idOf.get(name)}["${text(name)}"]`),
    ...arrows.map(({ from, to, label, kind }) => {
      const mark = { same: '', added: '+ ', removed: '- ' }[kind];
      const line = { same: '-->', added: '==>', removed: '-.->' }[kind];
      return `  ${idOf.get(from)} ${line}|"${text(mark + label)}"| ${idOf.get(to)}`;
    }),
    ...styles,
    '',
  ].join('\n');
}

/** Text between quotes: quotes and angle brackets as Mermaid's entities. */
function text(words: string): string {
  return words.replaceAll('&', '#amp;').replaceAll('"', '#quot;').replaceAll('<', '#lt;').replaceAll('>', '#gt;');
}

const SHOWN = 4;

/** The calls of one arrow, the first few of many. */
export function labelOf(calls: readonly string[]): string {
  const shown = calls.slice(0, SHOWN).join(', ');
  return calls.length > SHOWN ? `${shown} and ${calls.length - SHOWN} more` : shown;
}
