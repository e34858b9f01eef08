/** Writes what is allowed as a first intent to review. */
import type { Mesh } from '../../language/mesh.ts';
import { servicePorts } from '../listener.ts';
import { MeshIndex } from './destinations.ts';
import type { Reach, ReachGrant } from './reach.ts';

/** An intent in the JSON of `intent.json`, and the grants that its format cannot say. */
export interface FirstIntent {
  readonly json: {
    readonly version: 1;
    readonly trustDomain: string;
    readonly grants: readonly object[];
    readonly platform: readonly object[];
  };
  readonly inexpressible: readonly ReachGrant[];
}

/** The exact and unconditional grants of workloads; patterns, strangers and conditions are left to the reviewer. */
export function asIntent(mesh: Mesh, { grants }: Reach): FirstIntent {
  const index = new MeshIndex(mesh);
  const sayable = grants.filter(isSayable);
  const declared = sayable.map((grant) => ({
    caller: {
      kind: 'workload',
      namespace: grant.source.kind === 'workload' ? grant.source.namespace : '',
      serviceAccount: grant.source.principal?.split('/sa/')[1] ?? '',
    },
    callee: { kind: 'workload', namespace: grant.destination.namespace, workload: grant.destination.workload },
    protocol: protocolOf(index, grant),
    port: grant.destination.port,
    http: grant.http,
    user: null,
    reason: 'allowed by the manifests: to be reviewed',
    owner: 'nobody yet',
  }));
  const distinct = new Map(declared.map((grant) => [JSON.stringify(grant), grant]));
  return {
    json: { version: 1, trustDomain: mesh.config.trustDomain, grants: [...distinct.values()], platform: [] },
    inexpressible: grants.filter((grant) => !isSayable(grant)),
  };
}

function isSayable({ source, destination, exact, conditions }: ReachGrant): boolean {
  return source.kind === 'workload' && destination.port !== 'other' && exact && conditions.length === 0;
}

function protocolOf(index: MeshIndex, { destination, http }: ReachGrant): 'grpc' | 'http' | 'tcp' {
  if (http === null || destination.port === 'other') return 'tcp';
  const mesh = index.slice(destination.namespace);
  const workload = mesh.workloads.find(
    ({ namespace, name }) => namespace === destination.namespace && name === destination.workload,
  );
  const [way] = workload === undefined ? [] : servicePorts(mesh, workload, destination.port);
  const isGrpc = way?.servicePort.protocol === 'grpc' && /^\/[A-Za-z0-9_.]+\/[A-Za-z0-9_]+$/.test(http.path);
  return isGrpc && http.method === 'POST' ? 'grpc' : 'http';
}
