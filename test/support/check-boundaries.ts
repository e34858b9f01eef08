import { existsSync } from 'node:fs';
import { cruise } from 'dependency-cruiser';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';
import { forbidden, options } from './boundaries.ts';
import { sourceFiles } from './source-files.ts';

const folders = ['infra', 'policies', 'services', 'test'];

/**
 * Runs the import boundaries over `paths` (default: the whole repository).
 * Resolves to the violations; a run that visits fewer modules than there are sources is a violation too, because
 * a cruiser that cannot read TypeScript passes on zero modules.
 */
export async function checkBoundaries(paths: readonly string[] = folders): Promise<readonly string[]> {
  const rules = { ruleSet: { forbidden: [...forbidden] }, validate: true };
  const { output } = await cruise([...paths], { ...options, ...rules }, undefined, {
    tsConfig: extractTSConfig('tsconfig.json'),
  });
  if (typeof output === 'string') throw new Error('dependency-cruiser answered with text: expected a result object');
  const complaints = output.summary.violations.map(
    ({ rule, from, to }) => `${rule.name}: ${from} imports ${to}${reasonOf(rule.name)}`,
  );
  const visited = new Set(output.modules.map((module) => module.source));
  const sources = (await sourceFiles(...paths.map((path) => `${path}/**.ts`))).filter((path) => existsSync(path));
  const missed = sources.filter((path) => !visited.has(path));
  if (missed.length > 0)
    complaints.push(`boundaries were not checked in ${missed.length} sources: ${missed.join(', ')}`);
  return complaints;
}

function reasonOf(name: string): string {
  const rule = forbidden.find((candidate) => candidate.name === name);
  return rule === undefined ? '' : ` (${rule.comment})`;
}
