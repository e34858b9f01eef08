/** For each layer that stops a call: edits that would let it pass, or why none of the manifests can. */
import type { Mesh, NetworkPolicy, Workload } from '../../language/mesh.ts';
import { WORKLOAD_KINDS } from '../../language/parse-workload.ts';
import type { DestinationRule } from '../../language/traffic.ts';
import { injectionOf } from '../injection.ts';
import { isolating } from '../network.ts';
import { hostOf, isHostPattern, sidecarOf } from '../outbound.ts';
import type { Address } from '../request.ts';
import type { ChainRule } from '../rules.ts';
import { unreachable } from '../unreachable.ts';
import { allowEdits } from './allow-edits.ts';
import { addressText } from './call-value.ts';
import { edit, removal } from './edit.ts';
import type { Edit, LayerName } from './explanation.ts';
import { tryFindDocument } from './near-miss.ts';
import { ownLabels } from './own-labels.ts';
import { allMatches } from './proxy-layers.ts';
import type { Situation } from './situation.ts';

/** Alternatives, each a list of edits; no alternative comes with a sentence of advice. */
export interface Repair {
  readonly alternatives: readonly (readonly Edit[])[];
  readonly advice: string;
}

/** How to let the call pass one layer. */
export function repair(situation: Situation, layer: LayerName): Repair {
  switch (layer) {
    case 'source-network-policy':
      return one(networkEdit(situation, 'egress'), 'admit the connection in the NetworkPolicies of the caller');
    case 'egress-guard':
      return one(
        sidecarEdit(situation),
        "no Service leads to this port, so the caller's proxy cannot know it: declare the port in a Service",
      );
    case 'transport':
      return transportRepair(situation);
    case 'destination-network-policy':
      return one(networkEdit(situation, 'ingress'), 'admit the caller in the NetworkPolicies of the destination');
    case 'codec':
      return none(
        situation.call.request.http === null
          ? 'the port is declared as HTTP: speak HTTP, or declare the port as TCP'
          : 'the request itself is malformed: send a path with a leading slash and without %00',
      );
    case 'custom':
      return none(
        'declare the CUSTOM provider under `extensionProviders` of the mesh settings, one provider a workload',
      );
    case 'request-authentication':
      return none(
        'the token must be one that a RequestAuthentication accepts: right issuer, audience and signature, not expired',
      );
    case 'deny':
      return one(denyEdit(situation), 'narrow the DENY rule, or call with a mesh identity that it can except');
    case 'allow':
      return { alternatives: allowEdits(situation), advice: allowAdvice(situation) };
    case 'routing':
      return none('route the request: a match of a VirtualService that is bound to the Gateway, for its host');
    default:
      return unreachable(layer);
  }
}

const none = (advice: string): Repair => ({ alternatives: [], advice });
const one = (edits: readonly Edit[] | undefined, advice: string): Repair =>
  edits === undefined || edits.length === 0 ? none(advice) : { alternatives: [edits], advice };

function allowAdvice({ proxy }: Situation): string {
  return proxy?.facts.identities === null
    ? 'the caller has no peer identity (plaintext): call over mesh mTLS, so that a rule can name it'
    : 'no value that a policy can name would let this call through: it lacks a claim, header or token that the rules require';
}

function networkEdit({ call, documents }: Situation, direction: 'ingress' | 'egress'): readonly Edit[] | undefined {
  const { source, target, request, departure, world } = call;
  const owner = direction === 'egress' ? source : target;
  const policy = (owner === null ? [] : isolating(world.mesh, owner, direction)).toSorted(
    (left, right) => narrowness(right) - narrowness(left),
  )[0];
  const document = policy === undefined ? undefined : tryFindDocument(documents, { ...policy, kind: 'NetworkPolicy' });
  const far = direction === 'egress' ? target : source;
  const peer = far === null ? blockOf(direction === 'egress' ? null : request.sourceIp) : podsOf(world.mesh, far);
  if (document === undefined || peer === undefined) return undefined;
  const rule = {
    [direction === 'egress' ? 'to' : 'from']: [peer],
    ports: [{ protocol: 'TCP', port: departure.kind === 'sends' ? departure.port : request.destination.port }],
  };
  return [edit(document, 'append', ['spec', direction], rule)];
}

/** The labels of the pods of a workload, in its namespace. */
function podsOf(mesh: Mesh, workload: Workload): object {
  return {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': workload.namespace } },
    podSelector: { matchLabels: ownLabels(mesh, workload) },
  };
}

/** One address alone, for a caller of whom nothing else is known. */
function blockOf(ip: Address | null): object | undefined {
  if (ip === null) return undefined;
  const text = addressText(ip) ?? '';
  return { ipBlock: { cidr: `${text}/${text.includes(':') ? 128 : 32}` } };
}

/** How many labels and expressions a policy selects by: more is narrower. */
function narrowness({ podSelector }: NetworkPolicy): number {
  return Object.keys(podSelector.labels).length + podSelector.expressions.length;
}

function sidecarEdit({ call, documents }: Situation): readonly Edit[] | undefined {
  const { source, departure, target } = call;
  if (source === null || departure.kind !== 'blocked' || departure.host.includes(' ')) return undefined;
  const sidecar = sidecarOf(call.world.mesh, source);
  const document = sidecar === undefined ? undefined : tryFindDocument(documents, { ...sidecar, kind: 'Sidecar' });
  if (sidecar === undefined || document === undefined || sidecar.egress.kind !== 'hosts') return undefined;
  const listener = sidecar.egress.listeners.findIndex(({ port }) => port === null);
  const host = `${target.namespace}/${departure.host}`;
  if (listener < 0) return [edit(document, 'append', ['spec', 'egress'], { hosts: [host] })];
  return [edit(document, 'append', ['spec', 'egress', listener, 'hosts'], host)];
}

function transportRepair(situation: Situation): Repair {
  const { call, documents } = situation;
  const { source, world } = call;
  if (source === null)
    return none(
      'the caller must connect with mesh mTLS and a certificate of an accepted trust domain; loosening the mode would admit everyone',
    );
  if (injectionOf(world.mesh, source) === 'off') {
    const document = tryFindDocument(documents, source);
    const template = WORKLOAD_KINDS[source.kind];
    if (document === undefined || template === undefined) return none('inject a sidecar into the caller');
    const label = [...template, 'metadata', 'labels', 'sidecar.istio.io/inject'];
    return one([edit(document, 'set', label, 'true')], 'inject a sidecar into the caller');
  }
  const edits = world.mesh.destinationRules
    .filter((rule) => covers(rule, situation))
    .flatMap((rule) => {
      const document = tryFindDocument(documents, { ...rule, kind: 'DestinationRule' });
      if (document === undefined) return [];
      const ports = rule.portPolicies.flatMap(({ policy }, index) =>
        loosens(policy.tls) ? [removal(document, ['spec', 'trafficPolicy', 'portLevelSettings', index, 'tls'])] : [],
      );
      return loosens(rule.policy.tls) ? [removal(document, ['spec', 'trafficPolicy', 'tls']), ...ports] : ports;
    });
  return one(
    edits,
    'make both ends agree: a sidecar on each, no excluded port, and no mode DISABLE on the destination',
  );
}

const loosens = (mode: string | null): boolean => mode !== null && mode !== 'ISTIO_MUTUAL';

function covers(rule: DestinationRule, { call }: Situation): boolean {
  const hosts = call.world.mesh.services.filter(({ namespace }) => namespace === call.target.namespace).map(hostOf);
  const full =
    rule.host.includes('.') || rule.host.startsWith('*')
      ? rule.host
      : hostOf({ name: rule.host, namespace: rule.namespace });
  return hosts.some((host) => isHostPattern(full, host));
}

/** Excepts the caller's identity from every source of every DENY rule that matched. */
function denyEdit(situation: Situation): readonly Edit[] | undefined {
  const edits = allMatches(situation, 'DENY').map((match) => exceptionTo(match, situation));
  return edits.some((each) => each === undefined) ? undefined : edits.flatMap((each) => each ?? []);
}

function exceptionTo(match: ChainRule, situation: Situation): readonly Edit[] | undefined {
  const identity = situation.proxy?.facts.identities?.[0];
  if (!identity?.startsWith('spiffe://')) return undefined;
  const document = tryFindDocument(situation.documents, { ...match.policy, kind: 'AuthorizationPolicy' });
  if (document === undefined) return undefined;
  const principal = identity.slice('spiffe://'.length);
  const from = match.rule.parts.find(({ kind }) => kind === 'from');
  const base = ['spec', 'rules', match.rule.index, 'from'];
  if (from === undefined) return [edit(document, 'append', base, { source: { notPrincipals: [principal] } })];
  return from.alternatives.map((_, index) =>
    edit(document, 'append', [...base, index, 'source', 'notPrincipals'], principal),
  );
}
