/** Turns verdicts into text and into the JSON answer that others rely on. */
import type { HttpRequest, Request } from './request.ts';
import type { Hop } from './routing/follow.ts';
import { type Layer, type Status, VERDICT_CODES, type Verdict, type VerdictCode } from './verdict.ts';

/** The JSON answer to one request. */
export interface Answer {
  readonly id: string;
  readonly verdict: 'allow' | 'deny';
  readonly layer: Layer;
  /** `namespace/name` of the deciding policy. */
  readonly policy: string | null;
  readonly rule: number | null;
  readonly status: Status | null;
  readonly because: string;
  readonly assumptions: readonly string[];
  /** What becomes of it behind a gateway that lets it in and routes it; left out elsewhere. */
  readonly forwards?: readonly ForwardAnswer[];
}

/** One place that a gateway sends the request on to, as a call of its own. */
export interface ForwardAnswer {
  /** `copy`: a mirror, whose answer nobody sees. */
  readonly kind: 'request' | 'copy';
  readonly host: string;
  readonly port: number;
  /** Null where no workload of the manifests takes it. */
  readonly destination: { readonly namespace: string; readonly workload: string; readonly port: number } | null;
  /** Method, path and host as they arrive there. */
  readonly http: { readonly method: string; readonly path: string; readonly host: string } | null;
  /** What is decided there; null without a workload. */
  readonly answer: Omit<Answer, 'id'> | null;
  /** Why nothing is decided at the destination though it is known; left out elsewhere. */
  readonly undecided?: string;
}

/** The JSON answer of a request's verdict, with what becomes of it behind a gateway. */
export function toAnswer(request: Pick<Request, 'id'>, verdict: Verdict, hops: readonly Hop[] = []): Answer {
  return {
    id: request.id,
    verdict: verdict.allowed ? 'allow' : 'deny',
    layer: verdict.layer,
    policy: verdict.rule === null ? null : `${verdict.rule.policy.namespace}/${verdict.rule.policy.name}`,
    rule: verdict.rule?.index ?? null,
    status: verdict.status,
    because: explainVerdict(verdict),
    assumptions: verdict.assumptions,
    ...(hops.length === 0 ? {} : { forwards: hops.map(forwardAnswer) }),
  };
}

function forwardAnswer({ kind, host, port, call, undecided }: Hop): ForwardAnswer {
  if (undecided !== undefined) {
    const { namespace, workload, port: own } = undecided.destination;
    const destination = { namespace, workload, port: own };
    return { kind, host, port, destination, http: null, answer: null, undecided: undecided.because };
  }
  if (call === null) return { kind, host, port, destination: null, http: null, answer: null };
  const { request, verdict, hops } = call;
  const { id: _, ...answer } = toAnswer(request, verdict, hops);
  const { namespace, workload, port: containerPort } = request.destination;
  const http = request.http === null ? null : pickHttp(request.http);
  return { kind, host, port, destination: { namespace, workload, port: containerPort }, http, answer };
}

const pickHttp = ({ method, path, host }: HttpRequest) => ({ method, path, host });

/** Why the verdict is what it is, in one sentence, with the policy's file and line where one decided. */
function explainVerdict(verdict: Verdict): string {
  const detail = verdict.detail === '' ? '' : `: ${verdict.detail}`;
  return `${REASONS[verdict.code]}${ruleText(verdict)}${detail}`;
}

function ruleText(verdict: Verdict): string {
  const rule = verdict.rule;
  if (rule === null || rule.index === null) return '';
  const place = `\`${rule.policy.namespace}/${rule.policy.name}\` (${rule.at.file}:${rule.at.line})`;
  return ` ${place}, rule ${rule.index}`;
}

const REASONS: Readonly<Record<VerdictCode, string>> = {
  [VERDICT_CODES.allowedUnguarded]: 'no proxy of the mesh stands before this port, so nothing is enforced',
  [VERDICT_CODES.allowedWithoutPolicy]: 'no ALLOW policy applies to the workload, and no DENY rule matches',
  [VERDICT_CODES.allowedByRule]: 'matched by ALLOW policy',
  [VERDICT_CODES.egressHostNotImported]:
    "the caller's sidecar does not know the host, and REGISTRY_ONLY blocks unknown hosts",
  [VERDICT_CODES.networkEgress]:
    "the caller's pod is isolated for egress, and no NetworkPolicy rule admits the destination",
  [VERDICT_CODES.networkIngress]:
    "the destination's pod is isolated for ingress, and no NetworkPolicy rule admits the caller",
  [VERDICT_CODES.plaintextIntoStrict]: 'the port accepts mutual TLS only: plaintext is reset before any policy',
  [VERDICT_CODES.tlsIntoPlaintext]: 'the port accepts plaintext only (mode DISABLE): the TLS handshake fails',
  [VERDICT_CODES.foreignTrustDomain]:
    'no SAN of the client certificate belongs to an accepted trust domain: the handshake fails',
  [VERDICT_CODES.notMeshTls]: 'the TLS of the caller is not mesh TLS: no filter chain takes the connection',
  [VERDICT_CODES.customWithoutProvider]:
    'matched by CUSTOM policy whose provider the mesh settings do not hold, which denies:',
  [VERDICT_CODES.customProvidersConflict]:
    'several CUSTOM providers on one workload deny what any of them matches: policy',
  [VERDICT_CODES.tokenRefused]: 'the token is accepted by no RequestAuthentication (issuer, expiry or signature)',
  [VERDICT_CODES.tokenForOtherAudience]: "the token's audience is not one that RequestAuthentication accepts",
  [VERDICT_CODES.deniedByRule]: 'matched by DENY policy',
  [VERDICT_CODES.noAllowRule]: 'ALLOW policies apply to the workload, and no rule of them matches',
  [VERDICT_CODES.codecClosed]:
    'the codec refuses the request before any policy: the path has no leading slash, or the bytes are not HTTP',
  [VERDICT_CODES.codecBadRequest]: 'the path holds %00: path normalization answers 400 before any policy',
  [VERDICT_CODES.noServer]: "no filter chain of the gateway's port takes the connection",
  [VERDICT_CODES.noRoute]: 'the policies of the gateway let it in, and no route takes it',
  [VERDICT_CODES.answeredByGateway]: 'the gateway answers itself, and nothing is forwarded: route',
  [VERDICT_CODES.routeLeadsNowhere]: 'the route that takes it leads nowhere:',
};
