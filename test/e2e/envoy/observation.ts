import type { ConnectionRecord, ConnectionRecords } from './envoy.ts';
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

function ruleOf(id: string): Pick<Observation, 'policy' | 'rule'> {
  const [, namespace, policy, rule] = /^ns\[(.*)\]-policy\[(.*)\]-rule\[(\d+)\]$/.exec(id) ?? [];
  return namespace === undefined
    ? { policy: null, rule: null }
    : { policy: `${namespace}/${policy}`, rule: Number(rule) };
}

// As the filter that asks a CUSTOM policy's provider calls its refusal.
const providerDenied = 'ext_authz_denied';
const none = { policy: null, rule: null } as const;

function ofAnswer(request: RequestJson, seen: Extract<Seen, { kind: 'answered' }>): Observation {
  const isGrpc = request.http?.headers['content-type']?.[0]?.startsWith('application/grpc') ?? false;
  const denied = /rbac_access_denied_matched_policy\[(.*)\]/.exec(seen.details);
  if (denied !== null) {
    const http = isGrpc ? 403 : seen.status;
    return { verdict: 'deny', layer: 'authorization-policy', ...ruleOf(denied[1] ?? ''), http };
  }
  if (seen.details === providerDenied)
    return { verdict: 'deny', layer: 'authorization-policy', ...none, http: isGrpc ? 403 : seen.status };
  if (seen.details.startsWith('jwt_authn')) {
    const http = isGrpc ? (seen.details.includes('Audience') ? 403 : 401) : seen.status;
    return { verdict: 'deny', layer: 'request-authentication', ...none, http };
  }
  if (seen.details === 'direct_response')
    return { verdict: 'allow', layer: 'none', ...ruleOf(seen.policy), http: seen.status };
  // The codec answers 400; to a gRPC request it does so in the trailers.
  const http = seen.details === 'codec' ? null : isGrpc ? 400 : seen.status;
  return { verdict: 'deny', layer: 'none', ...none, http };
}

function ofClose(
  request: RequestJson,
  handshake: 'done' | 'failed',
  record: ConnectionRecord | undefined,
): Observation {
  const closed = { verdict: 'deny', ...none, http: null } as const;
  if (handshake === 'failed') return { ...closed, layer: 'peer-authentication' };
  const denied = /rbac_access_denied_matched_policy\[(.*)\]/.exec(record?.ended ?? '');
  if (denied !== null) return { ...closed, layer: 'authorization-policy', ...ruleOf(denied[1] ?? '') };
  if (record?.details === providerDenied) return { ...closed, layer: 'authorization-policy' };
  // Of a plaintext connection too it is written that it is no TLS; that is no failure.
  const tlsFailed = request.source.principal !== null && (record?.tls ?? '') !== '';
  const refused = (record?.chain ?? '') === '' || tlsFailed;
  return { ...closed, layer: refused ? 'peer-authentication' : 'none' };
}

/** Reads what a client saw, null for a request that was not sent; a closed connection is looked up in Envoy's log. */
export function observe(request: RequestJson, seen: Seen, records: ConnectionRecords): Observation | null {
  switch (seen.kind) {
    case 'answered':
      return ofAnswer(request, seen);
    case 'echoed':
      return { verdict: 'allow', layer: 'none', ...none, http: null };
    case 'closed':
      return ofClose(request, seen.handshake, records.tryFind(seen.connection));
    case 'silent':
      return { verdict: 'unknown', layer: 'none', ...none, http: null };
    case 'unsent':
      return null;
    default:
      return unreachable(seen);
  }
}

function unreachable(value: never): never {
  throw new Error(`unexpected observation: ${JSON.stringify(value)}`);
}
