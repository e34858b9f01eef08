/** The value of a decision: who stops a call, why, and what the caller sees. Source: semantics.md 3, 11, 14. */
import type { AuthorizationPolicy } from '../language/authorization.ts';
import type { Location } from '../language/problem.ts';
import type { RefusalReason } from './connection.ts';

/** The layer that stops a call; `none` for allowed calls and for those that the codec refuses. */
export type Layer =
  | 'egress'
  | 'network-policy'
  | 'peer-authentication'
  | 'request-authentication'
  | 'authorization-policy'
  | 'routing'
  | 'none';

/** Every way a decision can end. */
export const VERDICT_CODES = {
  allowedUnguarded: 0,
  allowedWithoutPolicy: 1,
  allowedByRule: 2,
  egressHostNotImported: 10,
  networkEgress: 20,
  networkIngress: 21,
  plaintextIntoStrict: 30,
  tlsIntoPlaintext: 31,
  foreignTrustDomain: 32,
  notMeshTls: 33,
  customWithoutProvider: 40,
  customProvidersConflict: 41,
  tokenRefused: 50,
  tokenForOtherAudience: 51,
  deniedByRule: 60,
  noAllowRule: 61,
  codecClosed: 70,
  codecBadRequest: 71,
  noServer: 80,
  noRoute: 81,
  answeredByGateway: 82,
  routeLeadsNowhere: 83,
} as const;

/** One of `VERDICT_CODES`. */
export type VerdictCode = (typeof VERDICT_CODES)[keyof typeof VERDICT_CODES];

/** The HTTP status of an answer and the gRPC status that a gRPC client sees. */
export interface Status {
  readonly http: number;
  readonly grpc: number;
}

/** The rule that decided. */
export interface DecidingRule {
  /** The rule's number among those of its listener, in the order in which they are tried. */
  readonly number: number;
  readonly policy: Pick<AuthorizationPolicy, 'namespace' | 'name'>;
  /** The index in `spec.rules`; null when the policy as a whole decided. */
  readonly index: number | null;
  /** Where the rule, or else the policy, stands. */
  readonly at: Location;
}

/** One decision's value. Evaluators hand out shared, immutable verdicts; text is made by `explainVerdict`. */
export interface Verdict {
  readonly allowed: boolean;
  readonly code: VerdictCode;
  readonly layer: Layer;
  readonly rule: DecidingRule | null;
  /** Null when there is no HTTP answer. */
  readonly status: Status | null;
  /** What could change the verdict and is not modelled, sorted. */
  readonly assumptions: readonly string[];
  /** What the code alone does not say: a host, the policies that isolate a pod. */
  readonly detail: string;
}

/** The code of each way in which a connection is refused. */
export const REFUSALS: Readonly<Record<RefusalReason, VerdictCode>> = {
  plaintextIntoStrict: VERDICT_CODES.plaintextIntoStrict,
  tlsIntoPlaintext: VERDICT_CODES.tlsIntoPlaintext,
  foreignTrustDomain: VERDICT_CODES.foreignTrustDomain,
  notMeshTls: VERDICT_CODES.notMeshTls,
};

const LAYERS: Readonly<Record<VerdictCode, Layer>> = {
  0: 'none',
  1: 'none',
  2: 'none',
  10: 'egress',
  20: 'network-policy',
  21: 'network-policy',
  30: 'peer-authentication',
  31: 'peer-authentication',
  32: 'peer-authentication',
  33: 'peer-authentication',
  40: 'authorization-policy',
  41: 'authorization-policy',
  50: 'request-authentication',
  51: 'request-authentication',
  60: 'authorization-policy',
  61: 'authorization-policy',
  70: 'none',
  71: 'none',
  80: 'routing',
  81: 'routing',
  82: 'routing',
  83: 'routing',
};

/** The HTTP answer of each code on an HTTP chain, null where the connection is cut instead. */
const HTTP_STATUS: Readonly<Record<VerdictCode, number | null>> = {
  0: 200,
  1: 200,
  2: 200,
  10: 502,
  20: 503,
  21: 503,
  30: null,
  31: null,
  32: null,
  33: null,
  40: 403,
  41: 403,
  50: 401,
  51: 403,
  60: 403,
  61: 403,
  70: null,
  71: 400,
  80: null,
  81: 404,
  82: 301,
  83: 503,
};

/** The gRPC status that Envoy makes of a local HTTP answer. Source: semantics.md 14. */
export function grpcStatus(http: number): number {
  if (http === 200) return 0;
  if (http === 400) return 13;
  if (http === 401) return 16;
  if (http === 403) return 7;
  if (http === 404) return 12;
  return http === 429 || http === 502 || http === 503 || http === 504 ? 14 : 2;
}

/** What a verdict is made of besides its code. */
export interface VerdictParts {
  /** Whether an HTTP answer is possible: the call speaks HTTP and a proxy answers it. */
  readonly answers: 'http' | 'nothing';
  /** @default - no rule decided */
  readonly rule?: DecidingRule;
  readonly assumptions: readonly string[];
  /** @default - '' */
  readonly detail?: string;
}

/** Builds the verdict of a code. */
export function verdict(code: VerdictCode, parts: VerdictParts): Verdict {
  const http = parts.answers === 'http' ? HTTP_STATUS[code] : null;
  return {
    allowed: code < VERDICT_CODES.egressHostNotImported,
    code,
    layer: LAYERS[code],
    rule: parts.rule ?? null,
    status: http === null ? null : { http, grpc: grpcStatus(http) },
    assumptions: parts.assumptions.toSorted(),
    detail: parts.detail ?? '',
  };
}
