import type { Cursor } from './parse-cursor.ts';
import { type Problem, problem } from './problem.ts';
import { KNOWN_KINDS, type KnownKind } from './schema/registry.ts';

/** What is known of a document's kind: its schema, nothing, or that it is asked for in a version that does not exist. */
export type Identity =
  | { readonly kind: 'known'; readonly known: KnownKind }
  | { readonly kind: 'foreign' }
  | { readonly kind: 'misplaced'; readonly problem: Problem };

const identities: ReadonlyMap<string, Identity> = new Map(
  KNOWN_KINDS.flatMap((known) =>
    known.versions.map((version) => {
      const apiVersion = known.group === '' ? version : `${known.group}/${version}`;
      return [`${apiVersion} ${known.kind}`, { kind: 'known', known }] as const;
    }),
  ),
);
const kinds = new Map(KNOWN_KINDS.map((known) => [`${known.group}/${known.kind}`, known]));
const groups = new Set(KNOWN_KINDS.map(({ group }) => group));

/** Looks up the schema of a document by `apiVersion` and `kind`. Errors: `schema/unknown-version`. */
export function identify(document: Cursor): Identity {
  const kind = document.textOf('kind');
  const identity = identities.get(`${document.textOf('apiVersion')} ${kind}`);
  return identity ?? identifyUnusual(document, kind);
}

function identifyUnusual(document: Cursor, kind: string): Identity {
  const apiVersion = document.get('apiVersion');
  const [version = '', group = ''] = apiVersion.text().split('/').reverse();
  const known = kinds.get(`${group}/${kind}`);
  if (known?.versions.includes(version)) return { kind: 'known', known };
  const namesake = known ?? (groups.has(group) ? KNOWN_KINDS.find((candidate) => candidate.kind === kind) : undefined);
  if (namesake === undefined) return { kind: 'foreign' };
  const right = `${namesake.group === '' ? '' : `${namesake.group}/`}${namesake.versions[0]}`;
  const message = `kind \`${kind}\` does not exist in \`${apiVersion.text()}\``;
  return {
    kind: 'misplaced',
    problem: problem('schema/unknown-version', message, apiVersion.at(), `write \`${right}\``),
  };
}
