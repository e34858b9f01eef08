/** Drift: a policy is edited by hand in the cluster, and the proof on the live objects must refute it and name it. */
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { verifyIntent } from '#policies/analysis/compare/verify.ts';
import { PROFILES } from '#policies/analysis/index.ts';
import type { Json } from '#policies/cli/live/api.ts';
import { driftOf } from '#policies/cli/live/drift.ts';
import { readManifests } from '#policies/cli/read-manifests.ts';
import type { ClusterObject } from './alterations.ts';
import { readNow, type Stand } from './stand.ts';

/** What was said of the edited cluster. */
export interface HandEdit {
  readonly object: string;
  /** Whether `verify` refutes the live objects. */
  readonly refuted: boolean;
  /** A counterexample that names the object, '' when none does. */
  readonly example: string;
  /** Whether comparing with the manifests names the object. */
  readonly named: boolean;
  /** Refuted, with the object named by both. */
  readonly holds: boolean;
}

const path = '/apis/security.istio.io/v1/namespaces/trading/authorizationpolicies/execution-callers';
const name = 'trading/execution-callers';
/** Anybody of the namespace may cancel trades: one rule, as it is added in a hurry. */
const addedRule = {
  from: [{ source: { principals: ['trading.local/ns/trading/sa/risk'] } }],
  to: [
    {
      operation: {
        methods: ['POST'],
        paths: ['/trading.execution.v1.ExecutionService/CancelTrade'],
        ports: ['50053'],
      },
    },
  ],
};

/** Edits, reads, proves, compares and brings back. */
export async function handEdit(stand: Stand, root: string): Promise<HandEdit> {
  const { status, body } = await stand.connection.api.send({ path });
  if (status !== 200 || typeof body === 'string') throw new Error(`${name} is not there to be edited`);
  const spec = body['spec'] as Json;
  const { mark } = stand.alterations;
  const edited = {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'execution-callers', namespace: 'trading' },
    spec: { ...spec, rules: [...((spec['rules'] ?? []) as readonly unknown[]), addedRule] },
  } satisfies ClusterObject;
  try {
    await stand.alterations.put(edited);
    const live = await readNow(stand);
    const { obligations } = verifyIntent(live.mesh, stand.intent, {
      profile: PROFILES['istio-1.31'],
      only: (namespace, workload) => namespace === 'trading' && workload === 'execution',
    });
    const counterexamples = obligations.flatMap((obligation) => obligation.counterexamples);
    const naming = counterexamples.find(({ change, decided }) => `${change} ${decided.because}`.includes(name));
    const manifests = await readManifests([join(root, 'dist', 'kind', 'manifests')], silent());
    const named = driftOf(manifests.documents, live.documents).some(({ object }) => object.endsWith(name));
    const refuted = obligations.some((obligation) => obligation.status === 'refuted');
    const example = naming === undefined ? '' : `${naming.cell}: ${naming.change}`;
    return { object: name, refuted, example, named, holds: refuted && example !== '' && named };
  } finally {
    await stand.alterations.restoreTo(mark);
  }
}

const silent = () => ({ stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() });
