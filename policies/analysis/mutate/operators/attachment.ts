/** A1 to A8: what AuthorizationPolicies are attached to. */
import { WORKLOAD_KINDS } from '../../../language/parse-workload.ts';
import { labelOf } from '../../attachment.ts';
import {
  adding,
  type Change,
  dropping,
  type Materials,
  type Operator,
  operator,
  rewriting,
  type Sketch,
} from '../mutant.ts';
import type { Spot } from '../spot.ts';
import { withValue } from '../spot.ts';
import { isDefaultDeny, nextAfter, policies } from './policy-text.ts';

const selectorLabels = (materials: Materials): readonly Spot[] =>
  policies(materials).flatMap((policy) =>
    policy
      .get('spec', 'selector', 'matchLabels')
      .members()
      .map(([, label]) => label),
  );

function* wrongLabels(materials: Materials): Iterable<Sketch> {
  for (const label of selectorLabels(materials)) {
    const values = [
      ...new Set(materials.mesh.workloads.flatMap(({ labels }) => labelOf(labels, String(label.steps.at(-1))) ?? [])),
    ].toSorted();
    const other = nextAfter(values, label.text());
    if (other !== undefined) yield rewriting(label, other, `the selector asks for \`${other}\``);
    yield rewriting(label, `${label.text()}-typo`, `the selector asks for \`${label.text()}-typo\``);
  }
}

function* moved(materials: Materials): Iterable<Sketch> {
  const { config, workloads } = materials.mesh;
  const namespaces = [...new Set(workloads.map(({ namespace }) => namespace))]
    .filter((name) => name !== config.rootNamespace)
    .toSorted();
  for (const policy of policies(materials)) {
    const namespace = policy.get('metadata', 'namespace');
    const other = nextAfter(namespaces, namespace.text());
    if (other !== undefined) yield rewriting(namespace, other, `the policy moved to namespace \`${other}\``);
  }
}

function* movedToRoot(materials: Materials): Iterable<Sketch> {
  const root = materials.mesh.config.rootNamespace;
  for (const policy of policies(materials)) {
    const namespace = policy.get('metadata', 'namespace');
    if (namespace.text() !== root) yield rewriting(namespace, root, 'the policy moved to the root namespace');
  }
}

function* targetRefs(materials: Materials): Iterable<Sketch> {
  for (const policy of policies(materials)) {
    const selector = policy.get('spec', 'selector');
    const [, label] = selector.get('matchLabels').members()[0] ?? [];
    if (label === undefined) continue;
    const refs = [{ group: '', kind: 'Service', name: label.text() }];
    const value = withValue(selector.without(), ['spec', 'targetRefs'], refs);
    const changes = (): readonly Change[] => [{ kind: 'rewrite', document: policy.document, value }];
    yield { spot: selector, what: 'a targetRef stands in place of the selector', changes };
  }
}

/** Renames the label that policies select, in the pod template and in the workload's own selector. */
function* renamedWorkloads(materials: Materials): Iterable<Sketch> {
  const selected = new Set(selectorLabels(materials).map((label) => `${label.steps.at(-1)}=${label.text()}`));
  for (const [kind, path] of Object.entries(WORKLOAD_KINDS)) {
    for (const workload of materials.of(kind)) {
      for (const [key, label] of workload.get(...path, 'metadata', 'labels').members()) {
        if (!selected.has(`${key}=${label.text()}`)) continue;
        const renamed = `${label.text()}-renamed`;
        const selector = workload.get('spec', 'selector', 'matchLabels', key);
        const value = label.with(renamed);
        const whole = selector.isPresent() ? withValue(value, selector.steps, renamed) : value;
        const changes = (): readonly Change[] => [{ kind: 'rewrite', document: workload.document, value: whole }];
        yield { spot: label, what: `the workload's label \`${key}\` became \`${renamed}\``, changes };
      }
    }
  }
}

function* twins(materials: Materials): Iterable<Sketch> {
  for (const policy of policies(materials)) {
    const open = withValue(policy.document.value, ['spec', 'rules'], [{}]);
    yield adding(policy, open, 'a second policy of the same name allows everything');
  }
}

/** The operators on what policies are attached to. */
export const ATTACHMENT: readonly Operator[] = [
  operator('A1', 'the selector is dropped', (materials) =>
    policies(materials)
      .map((policy) => policy.get('spec', 'selector'))
      .filter((selector) => selector.isPresent())
      .map((selector) => rewriting(selector, undefined, 'the selector was dropped')),
  ),
  operator('A2', 'the selector asks for a wrong label', wrongLabels),
  operator('A3', 'the policy is in a wrong namespace', moved),
  operator('A4', 'the policy is in the root namespace', movedToRoot),
  operator('A5', 'a targetRef in place of the selector', targetRefs),
  operator('A6', "only the workload's label is renamed", renamedWorkloads),
  operator('A7', 'a default deny is dropped', (materials) =>
    policies(materials)
      .filter(isDefaultDeny)
      .map((policy) => dropping(policy, 'the default deny was dropped')),
  ),
  operator('A8', 'two policies of one name', twins),
];
