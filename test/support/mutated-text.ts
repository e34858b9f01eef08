/** Small damages to texts: what a slip of the hand, a broken template or ill will does to a document or a request. */

const JUNK = [
  'null',
  '[]',
  '{}',
  '-1',
  '1e9',
  'yes',
  '""',
  '[[null]]',
  '{a: {b: []}}',
  '"*"',
  '&a [*a]',
  '*a',
  '!!x y',
  '.inf',
  '9999999999999999999999',
  '{"__proto__": {"spec": 1}}',
  '"constructor"',
  '"toString"',
  '"\\ud800"',
  '"{**}/{*}/{**"',
  '"::ffff:1.2.3.4/200"',
  '"a*b*c"',
  '"%2F..%2f/"',
];
const NOISE = [
  '\t',
  '\0',
  '\r',
  '- ',
  ': ',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '#',
  '&a ',
  '*a',
  '|',
  '\u2028',
  '---\n',
  '<<: ',
  '? ',
  '\ud800',
  '*',
  '/',
  ',',
];

/** One damage: which kind, at which place, with what; any three numbers mean something. */
export type Edit = readonly [how: number, where: number, what: number];

/** The text with one place changed: a value, a line or a few characters. */
export function mutate(text: string, [how, where, what]: Edit): string {
  const lines = text.split('\n');
  const at = where % lines.length;
  const line = lines[at] ?? '';
  const place = where % (text.length + 1);
  switch (how % 8) {
    case 0:
      return lines.with(at, line.replace(/(: |- ).*$/, `$1${JUNK[what % JUNK.length]}`)).join('\n');
    case 1:
      return lines.toSpliced(at, 1).join('\n');
    case 2:
      return lines.toSpliced(at, 0, lines[what % lines.length] ?? '').join('\n');
    case 3:
      return text.slice(0, place) + NOISE[what % NOISE.length] + text.slice(place);
    case 4:
      return text.slice(0, place) + text.slice(place + 1 + (what % 20));
    case 5:
      return lines
        .with(
          at,
          line.replace(/(\w)(\w*):/, (_, first, rest) => `${rest}${first}:`),
        )
        .join('\n');
    case 6:
      return replaceScalar(text, where, JUNK[what % JUNK.length] ?? '');
    default:
      return lines.with(at, `${' '.repeat(what % 5)}${line}`).join('\n');
  }
}

/** Puts junk in place of one quoted string, bare number or flow collection: what damages JSON and flow YAML without breaking it. */
function replaceScalar(text: string, where: number, junk: string): string {
  const scalars = [...text.matchAll(/"(?:[^"\\\n]|\\.)*"|-?\b\d+\b|\[[^[\]\n]*\]|\{[^{}\n]*\}/g)];
  const found = scalars[where % Math.max(1, scalars.length)];
  return found === undefined ? text : text.slice(0, found.index) + junk + text.slice(found.index + found[0].length);
}
