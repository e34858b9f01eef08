/** Our own manifests with seeded breaks, object by object. */

import { type Intent, parseIntent } from '#policies/analysis/compare/intent.ts';
import type { Obligation } from '#policies/analysis/compare/obligation.ts';
import { verifyIntent } from '#policies/analysis/compare/verify.ts';
import { PROFILES } from '#policies/analysis/profile.ts';
import type { SourceDocument } from '#policies/language/document.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { documentsOf, synthesized } from './synthesized.ts';

/** A Kubernetes object as far as breaks look at it. */
export interface Manifest {
  kind: string;
  metadata: { name: string; namespace: string; annotations?: Record<string, string> };
  // biome-ignore lint/suspicious/noExplicitAny: breaks reach into every kind of object
  spec: any;
}

const files = await synthesized('kind');
const documents: readonly SourceDocument[] = documentsOf(files);

/** The intent of our own platform. */
export function ownIntent(): Intent {
  const intent = parseIntent(JSON.parse(files.get('intent.json') ?? 'null'), 'intent.json');
  if (!intent.ok) throw new Error(JSON.stringify(intent.problems));
  return intent.value;
}

/**
 * The mesh in which `change` has had its way with the objects of that kind and name: it may edit its argument, and
 * drops the object by returning `drop`. Throws when no object was meant.
 */
export function changedMesh(kind: string, name: string, change: (object: Manifest) => undefined | 'drop'): Mesh {
  let found = 0;
  const changed = documents.flatMap((document) => {
    const object = structuredClone(document.value) as Manifest;
    const place = `${object.metadata?.namespace}/${object.metadata?.name}`;
    if (object.kind !== kind || (name !== '*' && place !== name)) return [document];
    found += 1;
    return change(object) === 'drop' ? [] : [{ ...document, value: object }];
  });
  if (found === 0) throw new Error(`no ${kind} \`${name}\` to break`);
  const mesh = parseMesh(changed);
  if (!mesh.ok) throw new Error(JSON.stringify(mesh.problems));
  return mesh.value;
}

/** A change that only edits. */
export const edit = (change: (object: Manifest) => void) => (object: Manifest) => {
  change(object);
  return undefined;
};

/** What `verify` says of one obligation of a mesh. Errors: throws where there is no such obligation. */
export function obligationOf(mesh: Mesh, name: Obligation['name'], declared: Intent): Obligation {
  const { obligations } = verifyIntent(mesh, declared, { profile: PROFILES['istio-1.31'] });
  const found = obligations.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no obligation ${name}`);
  return found;
}
