/**
 * Names the cause of what came of a probe, from evidence alone: the answer, the line of the callee's sidecar, the line
 * of the caller's. What the policies say is not looked at, so that both can be compared.
 */
import type { ProbeOutcome, ProbeResult } from '../../probe/protocol.ts';
import type { AccessEntry } from './access-log.ts';

/** Who decided about a call. `application`: the callee's own code was reached, whatever it answered. */
export type Cause = 'application' | 'mtls' | 'rbac' | 'jwt' | 'network-policy' | 'egress' | 'codec' | 'unclear';

/** The cause, the evidence in one sentence, and the policy where the proxy named one. */
export interface Classified {
  readonly cause: Cause;
  readonly because: string;
  /** Shape: `trading/execution-callers`, null when none is named. */
  readonly policy: string | null;
}

/** What is known about one probe. */
export interface Evidence {
  readonly outcome: ProbeOutcome;
  /** The inbound line of the callee's sidecar, null when nothing arrived there or it writes no log. */
  readonly callee: AccessEntry | null;
  /** The outbound line of the caller's sidecar. */
  readonly caller: AccessEntry | null;
  /** Whether the caller's traffic goes through a sidecar. */
  readonly callerProxied: boolean;
  /** Whether the request itself breaks the protocol: its path has no leading slash. */
  readonly malformed: boolean;
  /** Whether the callee's sidecar was seen to write a log, so that silence means that nothing arrived. */
  readonly calleeLogs: boolean;
}

const probedKey = 'x-meshwright-probed';

/** Names the cause. Evidence nearest to the callee's code counts first. */
export function classify(evidence: Evidence): Classified {
  const { result } = evidence.outcome;
  const found =
    byMarker(result) ??
    byRequest(result, evidence) ??
    (evidence.callee === null ? undefined : byCallee(evidence.callee)) ??
    (evidence.caller === null ? undefined : byCaller(evidence.caller, evidence)) ??
    byAnswer(result, evidence);
  return found ?? { cause: 'unclear', because: describeResult(result), policy: null };
}

const cause = (name: Cause, because: string, policy: string | null = null): Classified => ({
  cause: name,
  because,
  policy,
});

function byMarker(result: ProbeResult): Classified | undefined {
  if (result.kind !== 'answered') return undefined;
  const name = result.headers[probedKey];
  return name === undefined ? undefined : cause('application', `the code of \`${name}\` answered`);
}

/** A proxy that ends such a connection writes a line only sometimes; whatever else stands before it, the codec refuses. */
function byRequest(result: ProbeResult, { malformed, callee }: Evidence): Classified | undefined {
  const ended = result.kind === 'failed' && ['CLOSED', 'ECONNRESET'].includes(result.code);
  if (!malformed || !ended || callee !== null) return undefined;
  return cause('codec', "the path has no leading slash, and the caller's proxy ended the connection");
}

const policyId = /rbac_access_denied_matched_policy\[(?:ns\[([^\]]*)\]-policy\[([^\]]*)\]-rule\[\d+\]|([^\]]*))\]/;

/** Source: semantics.md 3; Envoy response-code details. */
function byCallee(entry: AccessEntry): Classified | undefined {
  const said = `${entry.details} ${entry.termination}`.trim();
  const denied = policyId.exec(said);
  const told = `the callee's sidecar: ${said}`;
  if (denied !== null) return cause('rbac', told, denied[1] === undefined ? null : `${denied[1]}/${denied[2]}`);
  if (entry.details.startsWith('jwt_authn_access_denied')) return cause('jwt', told);
  if (entry.details === 'filter_chain_not_found')
    return cause('mtls', `${told}: no filter chain takes what is not mutual TLS`);
  if (entry.details === 'via_upstream')
    return cause('application', "the callee's sidecar passed it on and the answer back");
  if (/path_normalization|missing_path|codec|http1?\.|http2\.|invalid/i.test(entry.details))
    return cause('codec', told);
  if (entry.responseCode === 0 && entry.flags === '' && entry.cluster !== '')
    return cause('application', "the callee's sidecar passed the connection on");
  return undefined;
}

/** Source: semantics.md 10 and 14; Envoy response flags. */
function byCaller(entry: AccessEntry, evidence: Evidence): Classified | undefined {
  const flags = entry.flags.split(',');
  const told = `the caller's sidecar: ${[entry.flags, entry.details, entry.transportFailure].filter((part) => part !== '').join(' ')}`;
  const blocked = entry.cluster === 'BlackHoleCluster' || entry.route === 'block_all';
  if (blocked) return cause('egress', `${told}: the host is outside its registry`);
  if (/TLS_error|tls/i.test(entry.transportFailure)) return cause('mtls', told);
  if (
    /connection_timeout|delayed_connect_error:_(110|113)|No route to host/i.test(
      `${entry.details} ${entry.transportFailure}`,
    )
  )
    return cause('network-policy', `${told}: no connection to the callee's pod`);
  const unanswered = flags.some((flag) => ['UF', 'UT', 'SI', 'DC'].includes(flag));
  if (unanswered && evidence.callee === null && evidence.calleeLogs)
    return cause('network-policy', `${told}: nothing arrived at the callee's sidecar`);
  if (/codec|http2\.|invalid/i.test(entry.details) && entry.upstreamHost === '') return cause('codec', told);
  return undefined;
}

/** Bodies that Envoy writes itself. A 403 of a service with the same words would be told apart by the callee's log. */
function byAnswer(result: ProbeResult, evidence: Evidence): Classified | undefined {
  if (result.kind === 'answered') return byLocalReply(result);
  if (result.kind === 'streamReset') return cause('codec', `the stream was reset with code ${result.code}`);
  if (result.stage === 'connect' && result.code === 'TIMEOUT')
    return cause('network-policy', 'no connection to the pod in time: a proxy would have taken it at once');
  const closed = result.stage === 'answer' && (result.code === 'CLOSED' || result.code === 'ECONNRESET');
  if (closed && evidence.callerProxied && evidence.caller === null && evidence.callee === null && evidence.calleeLogs)
    return cause('egress', "the caller's proxy closed the connection, and nothing arrived at the callee's");
  return undefined;
}

function byLocalReply(result: ProbeResult & { readonly kind: 'answered' }): Classified | undefined {
  const message = `${result.headers['grpc-message'] ?? ''} ${result.body}`;
  if (result.http === null) return cause('application', 'something behind the sidecars answered');
  if (message.includes('RBAC: access denied')) return cause('rbac', 'the answer: RBAC: access denied');
  if (/\bJwt\b/.test(message)) return cause('jwt', `the answer: ${message.trim()}`);
  if (/reset reason: .*(connection timeout|No route)/.test(message))
    return cause('network-policy', `the answer: ${message.trim()}`);
  if (/TLS_error/.test(message)) return cause('mtls', `the answer: ${message.trim()}`);
  if (result.http === 400) return cause('codec', 'the answer: 400');
  return undefined;
}

/** What came of a probe, in one phrase. */
export function describeResult(result: ProbeResult): string {
  switch (result.kind) {
    case 'answered':
      return result.http === null
        ? 'answered'
        : `HTTP ${result.http}${result.grpc === null ? '' : `, gRPC ${result.grpc}`}`;
    case 'streamReset':
      return `stream reset with code ${result.code}`;
    case 'failed':
      return `${result.stage}: ${result.code}: ${result.message}`;
    default:
      throw new Error(`unexpected result: ${JSON.stringify(result satisfies never)}`);
  }
}
