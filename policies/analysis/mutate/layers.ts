/** Which layers decide otherwise under a mutant on their own, whatever the other layers stop. */
import type {
  Mesh,
  Namespace,
  NetworkPolicy,
  RequestAuthentication,
  ServiceAccount,
  Workload,
} from '../../language/mesh.ts';
import type { Registration } from '../../language/registration.ts';
import type { DestinationRule } from '../../language/traffic.ts';
import { undeclaredWorkload } from '../compare/destinations.ts';
import { isSameRegistration } from '../compare/registration/same-registration.ts';
import { isolating } from '../network.ts';
import { BudgetExceeded } from '../symbolic/diagram.ts';
import type { Formula } from '../symbolic/formula.ts';
import { admitsAddress } from '../symbolic/network.ts';
import { peersToCompare } from '../symbolic/one-identity.ts';
import { allowedByPolicies } from '../symbolic/proxy.ts';
import { Universe } from '../symbolic/universe.ts';
import type { World } from '../world.ts';
import { proxyDecision } from './callee.ts';
import { isSameEgress } from './egress-relation.ts';
import { isSameNetwork } from './network-relation.ts';
import { type Parsed, portsWithOther, type Survey, type Version } from './survey.ts';
import type { MeshObject, Replacement } from './variant.ts';

/** A layer that a mutant changed. */
export type ChangedLayer =
  | 'authorization-policy'
  | 'request-authentication'
  /** The keys that tokens are verified with, or where their claims go. */
  | 'token-handling'
  | 'peer-authentication'
  | 'client-tls'
  /** Another pod, process or identity stands in a registration of SPIRE. */
  | 'registration'
  /** Another account stands behind a workload. */
  | 'identity'
  /** What pods may do on their node, and whether they get a token for the API server. */
  | 'confinement'
  | 'network-policy'
  | 'egress';

/** The layers that a mutant changed, or why that could not be decided. */
export function changedLayers(survey: Survey, variant: Parsed): readonly ChangedLayer[] | { readonly unknown: string } {
  try {
    return [...new Set(changes(survey, variant))].toSorted();
  } catch (error) {
    if (error instanceof BudgetExceeded) return { unknown: error.message };
    throw error;
  }
}

function* changes(survey: Survey, variant: Parsed): Iterable<ChangedLayer> {
  const { proxies, inward, outward } = survey.affected(variant);
  const version = survey.version(variant);
  const ends = (name: string): readonly [Workload, Workload] | undefined => {
    const [before, after] = [survey.original.workload(name), version.workload(name)];
    return before === undefined || after === undefined ? undefined : [before, after];
  };
  if (variant.replacements !== 'everything')
    for (const each of variant.replacements) yield* ownChanges(survey.index.mesh, each);
  for (const pod of selectedPods(variant)) {
    const [before, after] = [endOf(survey.original, pod), endOf(version, pod)];
    for (const direction of ['ingress', 'egress'] as const)
      if (!isSameNetwork(before, after, direction)) yield 'network-policy';
  }
  for (const name of outward) {
    const both = ends(name);
    if (both !== undefined && both[0].serviceAccount !== both[1].serviceAccount) yield 'identity';
  }
  for (const name of proxies) {
    const both = ends(name);
    if (both !== undefined) yield* proxyChanges(survey, version, both);
  }
  for (const [names, direction] of [
    [inward, 'ingress'],
    [outward, 'egress'],
  ] as const)
    for (const name of names) {
      const both = ends(name);
      if (both === undefined) continue;
      const [before, after] = [endOf(survey.original, both[0]), endOf(version, both[1])];
      if (!isSameNetwork(before, after, direction)) yield 'network-policy';
      if (direction === 'ingress' && !isSameGate(survey, version, both)) yield 'network-policy';
    }
  for (const name of outward) {
    const both = ends(name);
    if (both === undefined) continue;
    const services = [...survey.index.mesh.services, ...variant.mesh.services];
    if (!isSameEgress(endOf(survey.original, both[0]), endOf(version, both[1]), services)) yield 'egress';
  }
}

/** What an object says of layers that are no part of verdicts, or part of calls alone. */
function* ownChanges(mesh: Mesh, { list, before, after }: Replacement): Iterable<ChangedLayer> {
  const differs = (said: (object: MeshObject) => unknown) =>
    JSON.stringify(before && said(before)) !== JSON.stringify(after && said(after));
  if (list === 'destinationRules' && tlsOf(before) !== tlsOf(after)) yield 'client-tls';
  if (list === 'requestAuthentications' && differs(handlingOf)) yield 'token-handling';
  if (list === 'serviceAccounts' && differs((object) => (object as ServiceAccount).mountsToken)) yield 'confinement';
  if (list === 'namespaces' && differs(podSecurityOf)) yield 'confinement';
  if (list === 'registrations' && !isSameGiving(mesh, before, after)) yield 'registration';
  if (list === 'workloads' && differs((object) => (object as Workload).looseEnds)) yield 'confinement';
}

function isSameGiving(mesh: Mesh, before: MeshObject | undefined, after: MeshObject | undefined): boolean {
  if (before === undefined || after === undefined) return false;
  return isSameRegistration(mesh, before as Registration, after as Registration);
}

function handlingOf(object: MeshObject): unknown {
  return (object as RequestAuthentication).rules.map((rule) => [
    rule.keys,
    rule.outputPayloadToHeader,
    rule.outputClaimToHeaders,
    rule.forwardOriginalToken,
  ]);
}

/** The labels by which a namespace refuses pods. */
function podSecurityOf(object: MeshObject): unknown {
  const labels = Object.entries((object as Namespace).labels);
  return labels.filter(([key]) => key.startsWith('pod-security.kubernetes.io/')).toSorted();
}

/** Pods that changed NetworkPolicies select, whether or not the manifests hold such (istiod runs beside them). */
function selectedPods({ replacements }: Parsed): readonly Workload[] {
  if (replacements === 'everything') return [];
  return replacements.flatMap(({ list, before, after }) =>
    list !== 'networkPolicies'
      ? []
      : [before, after].flatMap((object) => {
          if (object === undefined) return [];
          const { namespace, podSelector } = object as NetworkPolicy;
          return [{ ...undeclaredWorkload(namespace), labels: podSelector.labels }];
        }),
  );
}

function endOf({ view }: Version, workload: Workload) {
  return { mesh: view.slice(workload.namespace), workload };
}

function tlsOf(object: MeshObject | undefined): string {
  if (object === undefined) return '';
  const { policy, portPolicies } = object as DestinationRule;
  return JSON.stringify([policy.tls, portPolicies.map((entry) => [entry.port, entry.policy.tls])]);
}

function* proxyChanges(
  survey: Survey,
  version: Version,
  [before, after]: readonly [Workload, Workload],
): Iterable<ChangedLayer> {
  const worlds = [survey.world(survey.original, before.namespace), survey.world(version, after.namespace)] as const;
  const ports = portsWithOther([...survey.namedPorts(survey.original, before), ...survey.namedPorts(version, after)]);
  for (const port of ports) {
    const [was, is] = [proxyDecision(worlds[0], before, port), proxyDecision(worlds[1], after, port)];
    if (JSON.stringify(was.listener) !== JSON.stringify(is.listener)) yield 'peer-authentication';
    if (was.listener.kind === 'unguarded' || is.listener.kind === 'unguarded') continue;
    const { protocol } = was.listener;
    if (protocol !== 'tcp') {
      const tokens = [was.token.hasClaims, is.token.hasClaims, was.token.refused, is.token.refused] as const;
      if (!areSame(worlds[0], [tokens[0], tokens[1]]) || !areSame(worlds[0], [tokens[2], tokens[3]]))
        yield 'request-authentication';
    }
    for (const chain of protocol === 'auto' ? (['http', 'tcp'] as const) : [protocol]) {
      const policies = [
        allowedByPolicies({ world: worlds[0], workload: before, port, ip: null }, chain),
        allowedByPolicies({ world: worlds[1], workload: after, port, ip: null }, chain),
      ] as const;
      if (!areSame(worlds[0], policies)) yield 'authorization-policy';
    }
  }
}

function isSameGate(survey: Survey, version: Version, [before, after]: readonly [Workload, Workload]): boolean {
  const worlds = [survey.world(survey.original, before.namespace), survey.world(version, after.namespace)] as const;
  const ports = portsWithOther(survey.namedPorts(survey.original, before));
  return ports.every((port) =>
    areSame(worlds[0], [
      admitsAddress(isolating(worlds[0].mesh, before, 'ingress'), before, port),
      admitsAddress(isolating(worlds[1].mesh, after, 'ingress'), after, port),
    ]),
  );
}

/** True iff two formulas are the same decision. Errors: throws `BudgetExceeded`. */
function areSame({ mesh, profile }: World, [left, right]: readonly [Formula, Formula]): boolean {
  if (JSON.stringify(left) === JSON.stringify(right)) return true;
  const universe = new Universe([left, right], {
    config: mesh.config,
    headers: profile.repeatedHeaders,
    peers: peersToCompare([left, right]),
    identities: [],
  });
  const { diagrams } = universe;
  return diagrams.and(diagrams.xor(universe.node(left), universe.node(right)), universe.possible()) === diagrams.never;
}
