/** What every check reads: the mesh, and its policies with the text their authors wrote. */
import type { AuthorizationPolicy, Clause } from '../../language/authorization.ts';
import type { SourceDocument } from '../../language/document.ts';
import type { Mesh, Named, Workload } from '../../language/mesh.ts';
import { Cursor } from '../../language/parse-cursor.ts';
import { parseNamed } from '../../language/parse-traffic.ts';
import { applicable } from '../attachment.ts';
import { type Listener, resolveListener } from '../listener.ts';
import type { Profile } from '../profile.ts';
import type { Check, Sighting, Subject } from './finding.ts';
import { type RuleParts, rulePartsOf } from './rule-parts.ts';

/** One field of a rule as it is written: `when` keys that read the same thing as a field come under that field's name. */
export interface WrittenField {
  readonly rule: number;
  readonly part: 'from' | 'to' | 'when';
  /** `principals`, `paths`, … or the `when` key without its brackets. */
  readonly field: string;
  readonly polarity: 'values' | 'notValues';
  readonly entries: readonly Cursor[];
}

/** One value of a field as it is written. */
export interface WrittenEntry {
  readonly written: WrittenPolicy;
  readonly field: WrittenField;
  readonly entry: Cursor;
  readonly text: string;
}

/** An AuthorizationPolicy with its text and the workloads it applies to. */
export interface WrittenPolicy {
  readonly policy: AuthorizationPolicy;
  readonly document: Cursor;
  readonly fields: readonly WrittenField[];
  readonly workloads: readonly Workload[];
}

/** Everything a check may ask. */
export interface Context {
  readonly mesh: Mesh;
  readonly profile: Profile;
  readonly documents: readonly Cursor[];
  readonly kinds: ReadonlyMap<string, readonly Cursor[]>;
  readonly policies: readonly WrittenPolicy[];
  /** The values of all policies by field. */
  readonly entries: ReadonlyMap<string, readonly WrittenEntry[]>;
  /** What listens on a port of a workload; kept, since many checks ask. */
  readonly listener: (workload: Workload, port: number) => Listener;
  /** `namespace/serviceAccount` of every workload and every ServiceAccount. */
  readonly accounts: ReadonlySet<string>;
  /** Names of every namespace that some object is in or that is declared. */
  readonly namespaces: ReadonlySet<string>;
  /** Which rules have no part in any verdict; decided when it is first asked for. */
  readonly ruleParts: () => RuleParts;
}

/** A check over the context. */
export type MeshCheck = Check<Context>;

/** Prepares what checks read. */
export function contextOf(mesh: Mesh, sources: readonly SourceDocument[], profile: Profile): Context {
  const documents = sources.map((source) => new Cursor(source));
  const accounts = new Set([
    ...mesh.workloads.map(({ namespace, serviceAccount }) => `${namespace}/${serviceAccount}`),
    ...mesh.serviceAccounts.map(({ namespace, name }) => `${namespace}/${name}`),
    ...mesh.waypoints.map(({ namespace, serviceAccount }) => `${namespace}/${serviceAccount}`),
  ]);
  const named: readonly Named[] = [...mesh.workloads, ...mesh.serviceAccounts, ...mesh.services];
  const namespaces = new Set([...mesh.namespaces.map(({ name }) => name), ...named.map(({ namespace }) => namespace)]);
  let parts: RuleParts | undefined;
  const ruleParts = () => {
    parts ??= rulePartsOf(mesh, profile);
    return parts;
  };
  const policies = writtenPolicies(mesh, documents);
  const entries = entriesByField(policies);
  const kinds = Map.groupBy(documents, (document) => document.get('kind').text());
  return {
    mesh,
    profile,
    documents,
    kinds,
    policies,
    entries,
    listener: listenersOf(mesh),
    accounts,
    namespaces,
    ruleParts,
  };
}

function listenersOf(mesh: Mesh): Context['listener'] {
  const known = new Map<Workload, Map<number, Listener>>();
  return (workload, port) => {
    const ports = known.get(workload) ?? new Map<number, Listener>();
    known.set(workload, ports);
    const listener = ports.get(port) ?? resolveListener(mesh, workload, port);
    ports.set(port, listener);
    return listener;
  };
}

function writtenPolicies(mesh: Mesh, documents: readonly Cursor[]): readonly WrittenPolicy[] {
  const byName = new Map(
    documents
      .filter((document) => document.get('kind').text() === 'AuthorizationPolicy')
      .map((document) => [key(parseNamed(document)), document] as const),
  );
  const reached = new Map<AuthorizationPolicy, Workload[]>();
  for (const workload of mesh.workloads) {
    for (const policy of applicable(mesh.authorizationPolicies, mesh, workload)) {
      const workloads = reached.get(policy) ?? [];
      workloads.push(workload);
      reached.set(policy, workloads);
    }
  }
  return mesh.authorizationPolicies.flatMap((policy) => {
    const document = byName.get(key(policy));
    if (document === undefined) return [];
    return [{ policy, document, fields: fieldsOf(document), workloads: reached.get(policy) ?? [] }];
  });
}

const key = ({ namespace, name }: { readonly namespace: string; readonly name: string }) => `${namespace}/${name}`;

const LISTS: readonly (readonly [part: 'from' | 'to', owner: string, fields: readonly string[]])[] = [
  [
    'from',
    'source',
    ['principals', 'namespaces', 'serviceAccounts', 'trustDomains', 'requestPrincipals', 'ipBlocks', 'remoteIpBlocks'],
  ],
  ['to', 'operation', ['hosts', 'ports', 'methods', 'paths']],
];

/** `when` keys that read what a field reads. Source: semantics.md 3.5. */
const CONDITION_FIELDS: Readonly<Record<string, string>> = {
  'source.principal': 'principals',
  'source.namespace': 'namespaces',
  'source.serviceAccount': 'serviceAccounts',
  'source.trustDomain': 'trustDomains',
  'source.ip': 'ipBlocks',
  'remote.ip': 'remoteIpBlocks',
  'destination.port': 'ports',
  'request.auth.principal': 'requestPrincipals',
};

const NOT_FIELDS = new Map(
  LISTS.flatMap(([, , fields]) => fields).map((field) => [
    field,
    `not${field.charAt(0).toUpperCase()}${field.slice(1)}`,
  ]),
);

function fieldsOf(document: Cursor): readonly WrittenField[] {
  const found: WrittenField[] = [];
  document
    .get('spec', 'rules')
    .items()
    .forEach((rule, index) => {
      for (const [part, owner, fields] of LISTS)
        for (const item of rule.get(part).items()) {
          const values = item.get(owner);
          for (const field of fields) addForms(found, values, { rule: index, part, field });
        }
      for (const condition of rule.get('when').items()) found.push(...conditionFields(condition, index));
    });
  return found;
}

type Head = Pick<WrittenField, 'rule' | 'part' | 'field'>;

function addForms(found: WrittenField[], owner: Cursor, head: Head): void {
  const notField = NOT_FIELDS.get(head.field) ?? '';
  if (owner.hasItems(head.field)) found.push({ ...head, polarity: 'values', entries: owner.get(head.field).items() });
  if (owner.hasItems(notField)) found.push({ ...head, polarity: 'notValues', entries: owner.get(notField).items() });
}

function conditionFields(condition: Cursor, rule: number): readonly WrittenField[] {
  const text = condition.get('key').text();
  const field = CONDITION_FIELDS[text] ?? text.split('[')[0] ?? text;
  return forms({ rule, part: 'when', field }, condition.get('values'), condition.get('notValues'));
}

function forms(head: Head, values: Cursor, notValues: Cursor): readonly WrittenField[] {
  return [
    { ...head, polarity: 'values' as const, entries: values.items() },
    { ...head, polarity: 'notValues' as const, entries: notValues.items() },
  ].filter(({ entries }) => entries.length > 0);
}

/** The subject of an object of the model. */
function subjectOf(kind: string, { namespace, name }: { readonly namespace: string; readonly name: string }): Subject {
  return { kind, namespace, name };
}

/** A sighting at a place of an AuthorizationPolicy. */
export function inPolicy({ policy }: WrittenPolicy, message: string, place: Pick<Cursor, 'at'>): Sighting {
  return { subject: subjectOf('AuthorizationPolicy', policy), message, at: place.at() };
}

/** A sighting at an object as a whole. */
export function atObject(kind: string, object: Named, message: string): Sighting {
  return { subject: subjectOf(kind, object), message, at: object.at };
}

/** A sighting at a place of any document. */
export function atDocument(document: Cursor, message: string, place: Pick<Cursor, 'at'>): Sighting {
  return { subject: subjectOf(document.get('kind').text(), parseNamed(document)), message, at: place.at() };
}

/** The rule of a policy as written. */
export function ruleAt({ document }: WrittenPolicy, index: number): Cursor {
  return document.get('spec', 'rules').items()[index] ?? document.get('spec', 'rules');
}

/** Every entry of the given fields of all policies, field by field. */
export function* entriesOf({ entries }: Context, fields: readonly string[]): Generator<WrittenEntry> {
  for (const field of fields) yield* entries.get(field) ?? [];
}

function entriesByField(policies: readonly WrittenPolicy[]): ReadonlyMap<string, readonly WrittenEntry[]> {
  const found = new Map<string, WrittenEntry[]>();
  for (const written of policies) {
    for (const field of written.fields) {
      const list = found.get(field.field) ?? [];
      found.set(field.field, list);
      for (const entry of field.entries) list.push({ written, field, entry, text: entry.text() });
    }
  }
  return found;
}

/** Every clause of a rule; kept, since many checks ask. */
export function clausesOf(rule: AuthorizationPolicy['rules'][number]): readonly Clause[] {
  const known = clauses.get(rule);
  if (known !== undefined) return known;
  const made = rule.parts.flatMap(({ alternatives }) => alternatives.flat());
  clauses.set(rule, made);
  return made;
}

const clauses = new WeakMap<AuthorizationPolicy['rules'][number], readonly Clause[]>();
