/** The chain of layers of one call, each judged on its own. Source: semantics.md 3 and 11; twin of `naive.ts`. */
import type { MeshConfig } from '../../language/mesh.ts';
import { isAmbient } from '../ambient/capture.ts';
import { ownPrefix } from '../ambient/ztunnel.ts';
import { arriveAt, type RefusalReason, trustedPrefixes } from '../connection.ts';
import type { Listener } from '../listener.ts';
import { admits, isolating } from '../network.ts';
import { sidecarOf } from '../outbound.ts';
import type { LayerReport } from './explanation.ts';
import { type Judgement, judge, placeOf } from './judgement.ts';
import { allow, codec, custom, deny, requestAuthentication } from './proxy-layers.ts';
import { routing } from './routing-layer.ts';
import type { Situation } from './situation.ts';

/** Every layer of the call in order; the first that stops it, else the one that allows it, decides. */
export function layersOf(situation: Situation): readonly LayerReport[] {
  return layersOfWay([situation]).map(({ layer }) => layer);
}

/** A layer with the hop that it belongs to. */
export interface HopLayer {
  readonly situation: Situation;
  readonly layer: LayerReport;
}

/** The layers of all hops of a way, one hop after the other. */
export function layersOfWay(situations: readonly Situation[]): readonly HopLayer[] {
  const judged = situations.flatMap((situation) =>
    judgementsOf(situation).map((judgement) => ({ situation, judgement })),
  );
  const stop = judged.findIndex(({ judgement }) => judgement.outcome === 'stops');
  const deciding = stop >= 0 ? stop : judged.findLastIndex(({ situation }) => situation === situations[0]);
  return judged.map(({ situation, judgement }, index) => {
    const { via } = situation.call;
    const because = via === '' ? judgement.because : `${via}: ${judgement.because}`;
    return { situation, layer: { ...judgement, because, decides: index === deciding } };
  });
}

function judgementsOf(situation: Situation): readonly Judgement[] {
  return [
    networkLayer(situation, 'egress'),
    egressGuard(situation),
    transport(situation),
    networkLayer(situation, 'ingress'),
    codec(situation),
    custom(situation),
    requestAuthentication(situation),
    deny(situation),
    allow(situation),
    ...routing(situation),
  ];
}

function networkLayer({ call }: Situation, direction: 'ingress' | 'egress'): Judgement {
  const layer = direction === 'egress' ? 'source-network-policy' : 'destination-network-policy';
  const { source, target, request, departure, world } = call;
  const owner = direction === 'egress' ? source : target;
  if (owner === null) return judge(layer, 'absent', 'the caller is not given as a workload of the manifests');
  const ip = direction === 'egress' ? request.destination.ip : request.sourceIp;
  if (direction === 'ingress' && source === null && ip === null)
    return judge(layer, 'absent', 'the caller is known neither by workload nor by address');
  const policies = isolating(world.mesh, owner, direction);
  // the policy of the pod itself is where a rule would be added, not the default deny of its namespace
  const first = policies.find(({ podSelector }) => Object.keys(podSelector.labels).length > 0) ?? policies[0];
  const pod = `\`${owner.namespace}/${owner.name}\``;
  if (first === undefined) return judge(layer, 'absent', `no NetworkPolicy isolates ${pod} for ${direction}`);
  const peer = direction === 'egress' ? { workload: target, ip } : { workload: source, ip };
  const port = departure.kind === 'sends' ? departure.port : request.destination.port;
  const connection = { peer, target, port };
  const admitting = policies.find((policy) => admits(world.mesh, [policy], direction, connection));
  if (admitting !== undefined)
    return judge(layer, 'passes', `admitted on port ${port}`, placeOf('NetworkPolicy', admitting));
  const names = policies.map(({ namespace, name }) => `\`${namespace}/${name}\``).join(', ');
  const far = direction === 'egress' ? 'the destination' : 'the caller';
  return judge(
    layer,
    'stops',
    `${pod} is isolated for ${direction} by ${names}, and no rule admits ${far} on port ${port}`,
    placeOf('NetworkPolicy', first),
  );
}

function egressGuard({ call }: Situation): Judgement {
  const { source, departure, world } = call;
  if (source === null) return judge('egress-guard', 'absent', 'the caller is not given as a workload of the manifests');
  const sidecar = sidecarOf(world.mesh, source);
  const place = sidecar === undefined ? null : placeOf('Sidecar', sidecar);
  if (departure.kind === 'blocked')
    return judge(
      'egress-guard',
      'stops',
      `the caller's sidecar does not know \`${departure.host}\`, and REGISTRY_ONLY blocks unknown hosts`,
      place,
    );
  if (call.via !== '') return judge('egress-guard', 'absent', 'no Sidecar resource has a say on this hop');
  if (departure.by === 'noSidecar' && isAmbient(world.mesh, source))
    return judge('egress-guard', 'absent', 'ztunnel reads no Sidecar resource: nothing limits the hosts of the caller');
  if (departure.by === 'noSidecar')
    return judge(
      'egress-guard',
      'absent',
      `port ${call.request.destination.port} leaves the pod past its sidecar, if it has one`,
    );
  if (departure.by === 'unknownHost')
    return judge(
      'egress-guard',
      'passes',
      'the sidecar does not know the host, and ALLOW_ANY lets it pass in plaintext',
      place,
    );
  if (place === null) return judge('egress-guard', 'absent', "no Sidecar resource limits the caller's proxy");
  return judge('egress-guard', 'passes', "the host is imported by the caller's Sidecar", place);
}

function transport(situation: Situation): Judgement {
  const { call } = situation;
  const { listener } = call;
  const sent = { plaintext: 'plaintext', mtls: 'mesh mTLS', foreignTls: 'TLS without a mesh identity' }[
    situation.transport.kind
  ];
  if (listener.kind === 'unguarded') {
    const insists = call.source !== null && situation.transport.kind !== 'plaintext';
    const because = `${listener.because}; nothing of the mesh is enforced`;
    return insists
      ? judge('transport', 'stops', `the caller insists on TLS, and ${listener.because}`)
      : judge('transport', 'absent', because);
  }
  const arrival = arriveAt(listener, situation.transport, {
    speaksHttp: call.request.http !== null,
    config: call.world.mesh.config,
  });
  const mode = listener.kind === 'gateway' ? 'a Gateway server' : `${WHO[listener.kind]}mode ${listener.mode}`;
  if (arrival.kind === 'refused') {
    const accepted =
      arrival.because === 'foreignTrustDomain' ? `, accepted: ${acceptedText(listener, call.world.mesh.config)}` : '';
    return judge('transport', 'stops', `${REFUSALS[arrival.because]} (${mode}${accepted})`);
  }
  const who =
    arrival.identities === null
      ? 'without a peer identity'
      : `as ${arrival.identities.map((each) => `\`${each}\``).join(', ')}`;
  return judge('transport', 'passes', `${sent} arrives ${who} (${mode}, ${arrival.chain} chain)`);
}

const WHO = { sidecar: '', ztunnel: 'ztunnel, ' } as const;

/** The trust domains that the handshake accepts: often the wrong settings were read. */
const acceptedText = ({ kind }: Listener, config: MeshConfig): string =>
  (kind === 'ztunnel' ? [ownPrefix(config)] : trustedPrefixes(config)).map((prefix) => `\`${prefix}\``).join(', ');

const REFUSALS: Readonly<Record<RefusalReason, string>> = {
  plaintextIntoStrict: 'the port accepts mutual TLS only: plaintext is reset before any policy',
  tlsIntoPlaintext: 'the port accepts plaintext only: the TLS handshake fails',
  foreignTrustDomain: 'no SAN of the client certificate belongs to an accepted trust domain: the handshake fails',
  notMeshTls: 'the TLS of the caller is not mesh TLS: no filter chain takes the connection',
};
