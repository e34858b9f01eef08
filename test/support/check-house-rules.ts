import { readFile } from 'node:fs/promises';
import { sourceFiles } from './source-files.ts';

const maxFileLines = 400;
const maxReadmeLines = 15;
const exported = /^export (?:default |declare |abstract |async )*(?:function|const|let|class|interface|type)\b(?! \{)/;
const marker = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\\b`);
const unnamed = /(^|\/|-)(manager|helpers?|utils?|impl|common|data|info)(-[^/]*)?\.ts$/;

type Rule = (path: string, lines: readonly string[]) => readonly string[];

/** House rule 23: every export carries its contract. A re-export inherits the comment of what it names. */
const undocumentedExports: Rule = (path, lines) => {
  if (path.startsWith('services/gen/') || path.endsWith('.config.ts')) return [];
  return lines.flatMap((line, index) => {
    if (!exported.test(line)) return [];
    const before = lines[index - 1]?.trimEnd() ?? '';
    const isOverload = before.startsWith('export function') && before.endsWith(';');
    return before.endsWith('*/') || isOverload ? [] : [`${path}:${index + 1}: export without a doc comment`];
  });
};

/** House rule 7: a file is read in one go. */
const longFiles: Rule = (path, lines) =>
  path.startsWith('services/gen/') || lines.length <= maxFileLines
    ? []
    : [`${path}: ${lines.length} lines, expected at most ${maxFileLines}`];

const markers: Rule = (path, lines) =>
  lines.flatMap((line, index) => (marker.test(line) ? [`${path}:${index + 1}: left-over marker`] : []));

/** House rule 8: a name names a concept. The path of `market-data` is the field's term. */
const emptyNames: Rule = (path) =>
  unnamed.test(path) && !/market-data/.test(path) && !path.startsWith('services/gen/')
    ? [`${path}: the file name names no concept`]
    : [];

const sourceRules: readonly Rule[] = [undocumentedExports, longFiles, markers, emptyNames];

/** House rule 1: a folder's README is read in a minute; the root's and the services' tell more. */
const longReadmes: Rule = (path, lines) =>
  ['README.md', 'services/README.md'].includes(path) || lines.length - 1 <= maxReadmeLines
    ? []
    : [`${path}: ${lines.length - 1} lines, expected at most ${maxReadmeLines}`];

async function apply(rules: readonly Rule[], paths: readonly string[]): Promise<readonly string[]> {
  const complaints = await Promise.all(
    paths.map(async (path) => {
      const lines = (await readFile(path, 'utf8')).split('\n');
      return rules.flatMap((rule) => rule(path, lines));
    }),
  );
  return complaints.flat();
}

/** The rules of the house that no tool knows: documented exports, file and README lengths, names, left-over markers. */
export async function checkHouseRules(): Promise<readonly string[]> {
  const sources = await sourceFiles('infra/**.ts', 'policies/**.ts', 'services/**.ts', 'test/**.ts');
  const readmes = await sourceFiles('README.md', '**/README.md');
  return [
    ...(await apply(sourceRules, sources)),
    ...(await apply(
      [longReadmes],
      readmes.filter((path) => !path.startsWith('test/conformance/recorded/')),
    )),
  ];
}
