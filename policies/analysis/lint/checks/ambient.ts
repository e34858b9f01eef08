/** What ztunnel makes of policies. Source: semantics.md 9 and 12. */
import type { Clause, PeerPattern } from '../../../language/authorization.ts';
import type { NetworkPolicy, NetworkPort, Workload } from '../../../language/mesh.ts';
import { HBONE, isAmbient } from '../../ambient/capture.ts';
import { lossOf, type RuleLoss } from '../../ambient/ztunnel-rules.ts';
import { applicable, selects } from '../../attachment.ts';
import { inNamespace } from '../../namespaced.ts';
import { atObject, type Context, clausesOf, inPolicy, type MeshCheck, ruleAt, type WrittenPolicy } from '../context.ts';
import type { Sighting } from '../finding.ts';

/** The policies that the ztunnel of some ambient workload would have to enforce. */
function forZtunnel({ mesh, policies }: Context): readonly WrittenPolicy[] {
  return policies.filter(
    ({ policy, workloads }) =>
      policy.attachment.kind !== 'targetRefs' && workloads.some((workload) => isAmbient(mesh, workload)),
  );
}

const LOSSES: Readonly<Record<Exclude<RuleLoss['kind'], 'kept'>, string>> = {
  omitted: 'the whole rule is left out, and allows nobody',
  emptied: 'nothing is left in a clause, and the rule never matches',
  stripped: 'the rule is enforced without, and matches more than written',
};

function* lostFields(context: Context): Generator<Sighting> {
  for (const written of forZtunnel(context)) {
    const { rules, action } = written.policy;
    for (const rule of rules) {
      const loss = lossOf(rule, action.kind);
      if (loss.kind === 'kept' || loss.by.every((field) => field === 'trustDomains')) continue;
      const fields = loss.by.map((field) => `\`${field}\``).join(', ');
      const message = `rule ${rule.index}: ztunnel sees no ${fields}: ${LOSSES[loss.kind]}`;
      yield inPolicy(written, message, ruleAt(written, rule.index));
    }
  }
}

function* droppedTrustDomains(context: Context): Generator<Sighting> {
  for (const written of forZtunnel(context)) {
    const rule = written.policy.rules.find((each) =>
      clausesOf(each).some((clause) => clause.on === 'peer' && clause.field === 'trustDomain'),
    );
    if (rule === undefined) continue;
    const loss = lossOf(rule, written.policy.action.kind);
    const effect = loss.kind === 'stripped' ? 'the rule is wider than written' : 'the rule never matches';
    const message = `rule ${rule.index} limits trust domains, which ztunnel ignores: ${effect}`;
    yield inPolicy(written, message, ruleAt(written, rule.index));
  }
}

/** Names that a sidecar would have read with wildcards or aliases. */
function* namesReadLiterally(context: Context): Generator<Sighting> {
  for (const written of forZtunnel(context)) {
    for (const rule of written.policy.rules) {
      const clause = clausesOf(rule).find(isReadOtherwise);
      if (clause === undefined) continue;
      const what = clause.on === 'peer' && clause.field === 'namespace' ? 'an inner star' : 'another trust domain';
      const message = `rule ${rule.index}: ztunnel compares ${what} literally, which a sidecar would expand`;
      yield inPolicy(written, message, ruleAt(written, rule.index));
    }
  }
}

function isReadOtherwise(clause: Clause): boolean {
  if (clause.on !== 'peer') return false;
  if (clause.field === 'principal') return clause.asWritten !== undefined;
  return clause.field === 'namespace' && [...clause.values, ...clause.notValues].some(hasInnerStar);
}

function hasInnerStar(pattern: PeerPattern): boolean {
  if (pattern.kind !== 'namespace') return false;
  const text = pattern.pieces.join('*');
  const inner = text.startsWith('*') ? text.slice(1) : text.endsWith('*') ? text.slice(0, -1) : text;
  return inner.includes('*');
}

function* disabledModes({ mesh }: Context): Generator<Sighting> {
  for (const policy of mesh.peerAuthentications) {
    const disables = policy.mode === 'DISABLE' || policy.portModes.some(({ mode }) => mode === 'DISABLE');
    if (disables && mesh.workloads.some((each) => isAmbient(mesh, each) && applicable([policy], mesh, each).length > 0))
      yield atObject('PeerAuthentication', policy, 'ztunnel reads DISABLE as PERMISSIVE');
  }
}

const isTunnel = (port: NetworkPort): boolean =>
  port.protocol === 'TCP' &&
  (port.kind === 'anyNumber' || (port.kind === 'range' && port.from <= HBONE && HBONE <= port.to));

/** The ambient pods that a NetworkPolicy isolates for ingress. */
function isolatedBy({ mesh }: Context, policy: NetworkPolicy): readonly Workload[] {
  return inNamespace(mesh.workloads, policy.namespace).filter(
    (workload) => isAmbient(mesh, workload) && selects(policy.podSelector, workload.labels),
  );
}

function* openTunnels(context: Context): Generator<Sighting> {
  for (const policy of context.mesh.networkPolicies) {
    if (policy.ingress.kind !== 'isolated' || isolatedBy(context, policy).length === 0) continue;
    if (policy.ingress.rules.some(({ ports }) => ports.kind === 'some' && ports.ports.some(isTunnel)))
      yield atObject(
        'NetworkPolicy',
        policy,
        `port ${HBONE} carries every port of an ambient pod: its per-port rules are void`,
      );
  }
}

function* shutTunnels(context: Context): Generator<Sighting> {
  for (const policy of context.mesh.networkPolicies) {
    const { ingress } = policy;
    const [pod] = isolatedBy(context, policy);
    if (ingress.kind !== 'isolated' || pod === undefined || ingress.rules.length === 0) continue;
    if (ingress.rules.every(({ ports }) => ports.kind === 'some' && !ports.ports.some(isTunnel)))
      yield atObject(
        'NetworkPolicy',
        policy,
        `no rule admits port ${HBONE}, on which the mesh calls \`${pod.namespace}/${pod.name}\`: only plaintext gets in`,
      );
  }
}

/** Checks of policies at ztunnel. */
export const AMBIENT: readonly MeshCheck[] = [
  {
    code: 'ambient/http-field',
    severity: 'error',
    title: 'HTTP fields in a policy for an ambient workload',
    resolution:
      'ztunnel knows layer 4 only: an ALLOW rule with HTTP fields is left out (and may leave a policy that denies everything), a DENY rule of HTTP fields alone has no effect at all. Attach such rules to a waypoint with `targetRefs`, and let an L4 rule make the waypoint the only way in.',
    find: lostFields,
  },
  {
    code: 'ambient/trust-domains-dropped',
    severity: 'error',
    title: 'ztunnel ignores trustDomains',
    resolution:
      'ztunnel drops `trustDomains` without a word, so a rule that also names something else becomes wider than written, and one that names nothing else never matches. Name whole principals instead.',
    find: droppedTrustDomains,
  },
  {
    code: 'ambient/name-read-literally',
    severity: 'error',
    title: 'a name that ztunnel reads as it is written',
    resolution:
      'A sidecar reads a leading `cluster.local` as the own trust domain, lets aliases stand for each other and takes a star inside a namespace for a wildcard. ztunnel compares all of them literally, so the rule matches other callers than it does with sidecars. Write out whole principals with the own trust domain.',
    find: namesReadLiterally,
  },
  {
    code: 'ambient/disable-is-permissive',
    severity: 'warning',
    title: 'DISABLE means PERMISSIVE in ambient',
    resolution: 'ztunnel has no mode DISABLE: it reads it as PERMISSIVE. Set STRICT, or PERMISSIVE if that is meant.',
    find: disabledModes,
  },
  {
    code: 'ambient/hbone-opens-every-port',
    severity: 'warning',
    title: 'a NetworkPolicy opens 15008 of ambient pods',
    resolution:
      'In ambient all traffic of a pod arrives on port 15008, so opening it (which the mesh needs) makes every per-port rule of NetworkPolicies void. Limit the peers of that rule, and rely on AuthorizationPolicies for ports.',
    find: openTunnels,
  },
  {
    code: 'ambient/hbone-closed',
    severity: 'error',
    title: 'a NetworkPolicy shuts ambient pods off from the mesh',
    resolution:
      'The mesh calls an ambient pod on port 15008 whatever port is meant. A NetworkPolicy that names other ports only lets plaintext in and stops every call with an identity. Add 15008 for the same peers.',
    find: shutTunnels,
  },
];
