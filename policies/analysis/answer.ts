/** Turns verdicts into text and into the JSON answer that others rely on. */
import type { Request } from './request.ts';
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
}

/** The JSON answer of a request's verdict. */
export function toAnswer(request: Pick<Request, 'id'>, verdict: Verdict): Answer {
  return {
    id: request.id,
    verdict: verdict.allowed ? 'allow' : 'deny',
    layer: verdict.layer,
    policy: verdict.rule === null ? null : `${verdict.rule.policy.namespace}/${verdict.rule.policy.name}`,
    rule: verdict.rule?.index ?? null,
    status: verdict.status,
    because: explainVerdict(verdict),
    assumptions: verdict.assumptions,
  };
}

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
};
