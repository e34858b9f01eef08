import type { ConnectionRecord } from './envoy.ts';
import type { Seen } from './probe.ts';
import type { RequestJson } from './request-json.ts';

/** What istiod and Envoy decided, in the words of a verdict. */
export interface Observation {
  readonly verdict: 'allow' | 'deny' | 'unknown';
  readonly layer: 'none' | 'peer-authentication' | 'request-authentication' | 'authorization-policy';
  /** `namespace/name` and index of the rule that Envoy names. */
  readonly policy: string | null;
  readonly rule: number | null;
  /** The status of the answer, before it was turned into a gRPC status; null without one. */
  readonly http: number | null;
}

const grpcStatuses: Readonly<Record<string, number>> = { rbac: 403 };

function ruleOf(id: string): Pick<Observation, 'policy' | 'rule'> {
  const [, namespace, policy, rule] = /^ns\[(.*)\]-policy\[(.*)\]-rule\[(\d+)\]$/.exec(id) ?? [];
  return namespace === undefined
    ? { policy: null, rule: null }
    : { policy: `${namespace}/${policy}`, rule: Number(rule) };
}

const none = { policy: null, rule: null } as const;

function ofAnswer(request: RequestJson, seen: Extract<Seen, { kind: 'answered' }>): Observation {
  const isGrpc = request.http?.headers['content-type']?.[0]?.startsWith('application/grpc') ?? false;
  const denied = /rbac_access_denied_matched_policy\[(.*)\]/.exec(seen.details);
  if (denied !== null) {
    const http = isGrpc ? (grpcStatuses['rbac'] ?? seen.status) : seen.status;
    return { verdict: 'deny', layer: 'authorization-policy', ...ruleOf(denied[1] ?? ''), http };
  }
  if (seen.details.startsWith('jwt_authn')) {
    const http = isGrpc ? (seen.details.includes('Audience') ? 403 : 401) : seen.status;
    return { verdict: 'deny', layer: 'request-authentication', ...none, http };
  }
  if (seen.details === 'direct_response')
    return { verdict: 'allow', layer: 'none', ...ruleOf(seen.policy), http: seen.status };
  return { verdict: 'deny', layer: 'none', ...none, http: seen.details === 'codec' ? null : seen.status };
}

function ofRecord(record: ConnectionRecord | undefined): Observation {
  const denied = /rbac_access_denied_matched_policy\[(.*)\]/.exec(record?.ended ?? '');
  if (denied !== null)
    return { verdict: 'deny', layer: 'authorization-policy', ...ruleOf(denied[1] ?? ''), http: null };
  const refused = record === undefined || (record.tls ?? '') !== '' || (record.chain ?? '') === '';
  return { verdict: 'deny', layer: refused ? 'peer-authentication' : 'none', ...none, http: null };
}

/** Reads what a client saw; a closed connection is looked up in what Envoy wrote. */
export function observe(request: RequestJson, seen: Seen, records: ReadonlyMap<string, ConnectionRecord>): Observation {
  switch (seen.kind) {
    case 'answered':
      return ofAnswer(request, seen);
    case 'echoed':
      return { verdict: 'allow', layer: 'none', ...none, http: null };
    case 'closed':
      return ofRecord(records.get(seen.connection));
    case 'silent':
      return { verdict: 'unknown', layer: 'none', ...none, http: null };
    default:
      return unreachable(seen);
  }
}

function unreachable(value: never): never {
  throw new Error(`unexpected observation: ${JSON.stringify(value)}`);
}
