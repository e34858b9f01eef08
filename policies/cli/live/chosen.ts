/** Requests of a file (`mutate --probes` writes one) as probes of a running cluster: who sends each, and where it goes. */
import { servicePorts } from '../../analysis/listener.ts';
import { hostOf } from '../../analysis/outbound.ts';
import type { Pod, Request, WorkloadReference } from '../../analysis/request.ts';
import { tryFindWorkload } from '../../analysis/world.ts';
import type { Mesh, ServicePort } from '../../language/mesh.ts';
import type { ProbeRequest } from '../../probe/protocol.ts';
import type { Caller, RunningPod } from './caller.ts';
import { probeFrom } from './probe-from.ts';
import { type SigningKey, signClaims } from './user-token.ts';

/** One request of the file. */
export interface Chosen {
  readonly request: Request;
  /** The verdict that the file expects, null when it says none. */
  readonly expected: 'allow' | 'deny' | null;
}

/** A chosen request that can be sent: from a pod, in the format of `meshwright decide` as that pod sends it. */
export interface Sendable {
  readonly chosen: Chosen;
  readonly caller: Caller;
  readonly json: object;
  readonly probe: ProbeRequest;
  readonly callees: readonly RunningPod[];
}

/** What there is to send from and to. */
export interface Stage {
  readonly mesh: Mesh;
  readonly callers: readonly Caller[];
  /** The pod of a workload of the mesh, or of a stranger that was started. */
  readonly podOf: (place: WorkloadReference) => RunningPod | undefined;
  readonly key: SigningKey | null;
}

/** The pods that nobody declared and that some request needs: those it describes, and one that sends plaintext. */
export function strangersOf(all: readonly Chosen[]): readonly Pod[] {
  const found = new Map<string, Pod>();
  for (const { request } of all)
    for (const pod of describedPods(request)) found.set(`${pod.namespace}/${pod.workload}`, pod);
  return [...found.values()];
}

/** The pods beside the manifests: those described, else for plaintext one without a sidecar, beside its destination. */
function describedPods({ caller, destination: { namespace }, pods }: Request): readonly Pod[] {
  if (pods !== undefined) return pods;
  return caller.kind === 'plaintext' ? [{ namespace, workload: 'plaintext-stranger', labels: {} }] : [];
}

/** The probe of a request; a sentence says why no pod can send it. */
export function asProbe(chosen: Chosen, stage: Stage): Sendable | string {
  const { request } = chosen;
  const caller = senderOf(request, stage);
  if (typeof caller === 'string') return caller;
  const place = placeOf(request, { ...stage, caller });
  if (typeof place === 'string') return place;
  const bearer = bearerOf(request, stage.key);
  if (typeof bearer !== 'string' && bearer !== null) return bearer.because;
  const pod = stage.podOf(request.destination);
  const authority = request.http?.host || `${place.host}:${place.port}`;
  const probe = probeOf(request, caller, { ...place, authority, bearer });
  return { chosen, caller, json: sentBy(request, caller, authority), probe, callees: pod === undefined ? [] : [pod] };
}

/** Whoever has the identity sends from behind its own proxy, so that the layers in front of that count too. */
function senderOf(request: Request, { callers }: Stage): Caller | string {
  const { caller } = request;
  const byName = (namespace: string, name: string) =>
    callers.find(({ workload }) => workload.namespace === namespace && workload.name === name);
  switch (caller.kind) {
    case 'workload': {
      const { namespace, workload } = caller.reference;
      return byName(namespace, workload) ?? `no pod of \`${namespace}/${workload}\` can be called from`;
    }
    case 'plaintext': {
      const stranger = describedPods(request).find(({ sidecar }) => sidecar !== 'asNamespaceSays');
      const found = stranger === undefined ? undefined : byName(stranger.namespace, stranger.workload);
      return found ?? 'plaintext needs a pod without a sidecar, which --ephemeral starts';
    }
    case 'mtls': {
      const [identity, ...more] = caller.identities;
      if (identity === undefined || more.length > 0 || (caller.names ?? []).length > 0)
        return 'no pod gets a certificate that says more than one identity';
      const found = callers.find((each) => each.identity === identity);
      return found ?? `no pod that can be called from has the identity \`${identity}\``;
    }
  }
}

type Place = Pick<ProbeRequest, 'host' | 'port' | 'protocol'>;

/**
 * The Service that leads to the port, else the pod's address; so too from a pod without a proxy, which needs no Service,
 * and which NetworkPolicies may keep from asking DNS.
 */
function placeOf(
  { destination, http }: Request,
  { mesh, podOf, caller }: Stage & { readonly caller: Caller },
): Place | string {
  const { namespace, workload: name, port } = destination;
  const workload = tryFindWorkload(mesh, destination);
  const way = workload === undefined ? undefined : servicePorts(mesh, workload, port)[0];
  // A port that is declared as TCP is decided on its first bytes, whatever they say.
  const isBytes = http === null || way?.servicePort.protocol === 'tcp';
  const protocol = isBytes ? 'tcp' : isGrpc(way?.servicePort) ? 'http2' : 'http1';
  const pod = podOf({ namespace, workload: name });
  if (pod !== undefined && (way === undefined || !caller.pod.proxied)) return { host: pod.ip, port, protocol };
  if (way !== undefined) return { host: hostOf(way.service), port: way.servicePort.number, protocol };
  return `no pod of \`${namespace}/${name}\` is ready`;
}

const isGrpc = (port: ServicePort | undefined): boolean => port?.protocol === 'grpc' || port?.protocol === 'grpc-web';

interface Sent extends Place {
  readonly authority: string;
  readonly bearer: string | null;
}

function probeOf({ http }: Request, caller: Caller, { authority, bearer, ...place }: Sent): ProbeRequest {
  if (http === null) return probeFrom(caller, { ...place, http, bearer });
  const headers = Object.fromEntries([...http.headers].map(([name, values]) => [name, values.join(',')]));
  return probeFrom(caller, { ...place, http: { method: http.method, path: http.path, authority, headers }, bearer });
}

function bearerOf({ token }: Request, key: SigningKey | null): string | null | { readonly because: string } {
  if (token === null) return null;
  if (key === null && token.fault !== 'signature')
    return { because: 'its token has to be signed with a key that the cluster accepts: --user-key' };
  return signClaims(token.claims, token.fault, key);
}

/** The request as the pod sends it: whose certificate is shown follows from the pod. */
function sentBy(request: Request, { workload }: Caller, host: string): object {
  const { destination, http, token, sni } = request;
  const described = describedPods(request);
  const { namespace, workload: name, port } = destination;
  return {
    id: request.id,
    source: { workload: { namespace: workload.namespace, name: workload.name } },
    destination: { namespace, workload: name, port },
    http: http === null ? null : { ...http, host, headers: Object.fromEntries(http.headers) },
    jwt: token === null ? null : { claims: token.claims, ...(token.fault === 'none' ? {} : { invalid: token.fault }) },
    sni,
    ...(described.length === 0 ? {} : { pods: described.map(({ workload: own, ...pod }) => ({ ...pod, name: own })) }),
  };
}
