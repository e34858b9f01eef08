/**
 * Compares manifests with a cluster's objects, object by object, as far as verdicts depend on them. Policies must be as
 * they are written: each further field or object changes what they mean. Of workloads, Services and Namespaces it is
 * what policies look at that must stand there; images, sizes and what the API server adds are no drift.
 */
import type { SourceDocument } from '../../language/document.ts';
import { printPath, type Step } from '../../language/problem.ts';
import type { Json } from './api.ts';

/** One object that differs, and how. */
export interface Drift {
  /** Shape: `AuthorizationPolicy trading/order`. */
  readonly object: string;
  readonly kind: 'missing' | 'extra' | 'changed';
  /** Where the manifest stands, null for an object that only the cluster has. */
  readonly at: { readonly file: string; readonly line: number } | null;
  /** The first differences. Shape: `spec.rules[0].to[0].operation.paths[2]: expected "/x", got nothing`. */
  readonly differences: readonly string[];
}

/** Kinds of which the cluster may hold nothing more than the manifests. */
const exactGroups = ['security.istio.io', 'networking.istio.io', 'telemetry.istio.io', 'networking.k8s.io'];
const shown = 5;

const template = (...path: readonly string[]): readonly string[] => ['spec', 'template', ...path];
const ofPods: readonly (readonly string[])[] = [
  template('metadata', 'labels'),
  template('metadata', 'annotations'),
  template('spec', 'serviceAccountName'),
  template('spec', 'hostNetwork'),
];
/** What policies look at, by kind; other kinds play no part in verdicts. */
const looked: Readonly<Record<string, readonly (readonly string[])[]>> = {
  Namespace: [['metadata', 'labels']],
  Service: [
    ['spec', 'selector'],
    ['spec', 'ports'],
  ],
  ServiceAccount: [['metadata', 'name']],
  Deployment: ofPods,
  StatefulSet: ofPods,
  DaemonSet: ofPods,
};

const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, step) => (isObject(inner) ? inner[step] : undefined), value);

const metadataOf = (value: unknown): Json => ((value as Json)['metadata'] ?? {}) as Json;
const groupOf = (value: unknown): string =>
  String((value as Json)['apiVersion'])
    .split('/')
    .slice(0, -1)
    .join('/');

function nameOf(value: unknown): string {
  const { namespace, name } = metadataOf(value);
  return `${String((value as Json)['kind'])} ${namespace === undefined ? '' : `${String(namespace)}/`}${String(name)}`;
}

const keyOf = (value: unknown): string => `${groupOf(value)} ${nameOf(value)}`;

const takesPart = (value: unknown): boolean =>
  exactGroups.includes(groupOf(value)) || String((value as Json)['kind']) in looked;

/** Everything in which the cluster is not what the manifests say, in their order, then what only the cluster has. */
export function driftOf(manifests: readonly SourceDocument[], live: readonly SourceDocument[]): readonly Drift[] {
  const found = new Map(live.map((document) => [keyOf(document.value), document]));
  const wanted = new Set(manifests.map(({ value }) => keyOf(value)));
  const namespaces = new Set(manifests.map(({ value }) => metadataOf(value)['namespace']));
  const changed = manifests.flatMap((document): readonly Drift[] => {
    const other = found.get(keyOf(document.value));
    if (other !== undefined) return changeOf(document, other);
    return takesPart(document.value)
      ? [{ object: nameOf(document.value), kind: 'missing', at: placeOf(document), differences: [] }]
      : [];
  });
  const extra = live.flatMap(({ value }): readonly Drift[] => {
    const isPolicy = exactGroups.includes(groupOf(value)) && namespaces.has(metadataOf(value)['namespace']);
    if (!isPolicy || wanted.has(keyOf(value))) return [];
    return [{ object: nameOf(value), kind: 'extra', at: null, differences: [] }];
  });
  return [...changed, ...extra];
}

const placeOf = (document: SourceDocument) => ({ file: document.file, line: document.lineOf([]) });

function changeOf(document: SourceDocument, other: SourceDocument): readonly Drift[] {
  const differences: string[] = [];
  const expected = document.value as Json;
  const actual = other.value as Json;
  if (exactGroups.includes(groupOf(expected)))
    compare({ expected: expected['spec'], actual: actual['spec'], path: ['spec'] }, 'exact', differences);
  else
    for (const path of looked[String(expected['kind'])] ?? [])
      compare({ expected: at(expected, path), actual: at(actual, path), path }, 'contained', differences);
  if (differences.length === 0) return [];
  const cut = differences.slice(0, shown);
  const more = differences.length > shown ? [`and ${differences.length - shown} more`] : [];
  return [{ object: nameOf(expected), kind: 'changed', at: placeOf(document), differences: [...cut, ...more] }];
}

interface Pair {
  readonly expected: unknown;
  readonly actual: unknown;
  readonly path: readonly Step[];
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const shownValue = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 120));

/** `contained`: members that only the cluster has do not count. A zero value is as good as none. */
function compare({ expected, actual, path }: Pair, how: 'exact' | 'contained', differences: string[]): void {
  if (isObject(expected) && isObject(actual)) {
    const names = how === 'exact' ? new Set([...Object.keys(expected), ...Object.keys(actual)]) : Object.keys(expected);
    for (const name of names)
      compare({ expected: expected[name], actual: actual[name], path: [...path, name] }, how, differences);
    return;
  }
  if (Array.isArray(expected) && Array.isArray(actual)) {
    for (let index = 0; index < Math.max(expected.length, actual.length); index += 1)
      compare({ expected: expected[index], actual: actual[index], path: [...path, index] }, how, differences);
    return;
  }
  if (expected === actual || (isEmpty(expected) && isEmpty(actual))) return;
  differences.push(`${printPath(path)}: expected ${shownValue(expected)}, got ${shownValue(actual)}`);
}

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  (typeof value === 'object' && Object.keys(value).length === 0);

/** The drift for a person, a line an object and one a difference. */
export function driftText(drift: readonly Drift[]): string {
  const words = { missing: 'is not in the cluster', extra: 'is in the cluster only', changed: 'differs' };
  const lines = drift.flatMap(({ object, kind, at, differences }) => [
    `drift       ${object} ${words[kind]}${at === null ? '' : ` (${at.file}:${at.line})`}`,
    ...differences.map((difference) => `  ${difference}`),
  ]);
  return lines.length === 0
    ? 'in step     every object of the manifests is in the cluster as it is written\n'
    : `${lines.join('\n')}\n`;
}
