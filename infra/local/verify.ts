/**
 * Decides every cell of the finite matrix on rendered YAML and compares it with the reference meaning of intent.json.
 * Each identity is asked for twice: as a bare certificate, so that AuthorizationPolicy must deny by itself, and, where
 * it belongs to a workload of the manifests, as that workload, with egress and NetworkPolicy in front.
 */
import { type Answer, compile, type Decider, parseRequest, toAnswer } from '#policies/analysis/index.ts';
import { readDocuments, type SourceDocument } from '#policies/language/document.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';
import type { Problem } from '#policies/language/problem.ts';
import { catalog } from '#services/catalog.ts';
import { InputError } from './input-error.ts';
import { type Cell, callers, callOf, cellName, cells } from './matrix.ts';
import { type DeclaredIntent, isDeclared } from './meaning.ts';

/** A cell on which manifests and intent disagree. `expected` is `allow`, `deny`, or `deny by peer-authentication`. */
export interface CellDifference {
  readonly cell: string;
  readonly expected: string;
  readonly decided: Answer;
}

/** What deciding the matrix gave. */
export interface MatrixVerdict {
  readonly cells: number;
  readonly allowed: number;
  readonly denied: number;
  readonly differences: readonly CellDifference[];
}

/** The token of a cell in the request format of `meshwright decide`. */
function jwtOf({ token, method }: Cell, user: { readonly issuer: string; readonly audience: string }): unknown {
  if (token === 'none') return null;
  const claims = {
    iss: user.issuer,
    sub: 'probe',
    aud: token === 'wrongAudience' ? 'another' : user.audience,
    scope: token === 'missingScope' ? 'none' : method.scope,
  };
  const invalid = { expired: 'expired', wrongAudience: 'audience', wrongKey: 'signature' } as const;
  return token in invalid ? { claims, invalid: invalid[token as keyof typeof invalid] } : { claims };
}

function requestOf(cell: Cell, source: unknown, user: { readonly issuer: string; readonly audience: string }): unknown {
  const { method } = cell;
  const host = `${method.callee}.${method.namespace}.svc.cluster.local:${method.port}`;
  const headers = method.protocol === 'grpc' ? { 'content-type': ['application/grpc'] } : {};
  return {
    id: cellName(cell),
    source,
    destination: { namespace: method.namespace, workload: method.callee, port: method.port },
    http: method.http === null ? null : { ...method.http, host, headers },
    jwt: jwtOf(cell, user),
  };
}

/** The sources under which a cell is decided; an expired certificate is the transport's business and is probed live only. */
function sourcesOf({ caller }: Cell): readonly unknown[] {
  const { credential } = caller;
  if (credential.kind === 'expired') return [];
  if (credential.kind === 'plaintext') return [{ principal: null }];
  const workload = catalog.find((service) => service.name === caller.name);
  const bare = { principal: credential.spiffeId };
  return workload === undefined ? [bare] : [bare, { workload: { namespace: workload.namespace, name: workload.name } }];
}

function decideRequest(decider: Decider, json: unknown): Answer {
  const request = parseRequest(json);
  if (!request.ok)
    throw new Error(`a cell is no request: ${request.problems.map(({ message }) => message).join('; ')}`);
  return toAnswer(request.value, decider.decide(request.value));
}

/** The user tokens that `intent` asks for: its one issuer and first audience, both empty when no grant asks for a user. */
export function userOf(intent: DeclaredIntent): { readonly issuer: string; readonly audience: string } {
  const user = intent.grants.find((grant) => grant.user !== null)?.user;
  return { issuer: user?.issuer ?? '', audience: user?.audiences[0] ?? '' };
}

/** What must come out: whoever has no valid identity of this mesh must not even get through the handshake. */
function expectationOf(cell: Cell, intent: DeclaredIntent, user: ReturnType<typeof userOf>): string {
  if (cell.caller.credential.kind !== 'svid') return 'deny by peer-authentication';
  return isDeclared(intent, callOf(cell, user)) ? 'allow' : 'deny';
}

const meets = ({ verdict, layer }: Answer, expected: string): boolean =>
  expected === verdict || expected === `${verdict} by ${layer}`;

/**
 * A pod in each namespace that nobody declared: whatever it listens on must stay closed. It is what the default deny
 * is for, since every declared workload has ALLOW policies of its own.
 */
function undeclaredWorkloads(): readonly SourceDocument[] {
  const namespaces = [...new Set(catalog.map((service) => service.namespace))];
  const pods = namespaces.map((namespace) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'undeclared', namespace, labels: { app: 'undeclared' } },
    spec: { containers: [{ name: 'undeclared', image: 'undeclared', ports: [{ containerPort: 8080 }] }] },
  }));
  return readDocuments('undeclared workloads', pods.map((pod) => JSON.stringify(pod)).join('\n---\n')).documents;
}

function undeclaredCells(intent: DeclaredIntent): readonly Cell[] {
  const namespaces = [...new Set(catalog.map((service) => service.namespace))];
  const http = { method: 'POST', path: '/' };
  return callers(intent.trustDomain).flatMap((caller) =>
    namespaces.map((namespace) => ({
      caller,
      method: { callee: 'undeclared', namespace, port: 8080, http, protocol: 'http' as const, scope: null },
      token: 'none' as const,
    })),
  );
}

function checkCallees(asked: readonly Cell[], { workloads }: Mesh): void {
  const missing = new Set(
    asked
      .filter(
        ({ method }) => !workloads.some((each) => each.namespace === method.namespace && each.name === method.callee),
      )
      .map(({ method }) => `${method.namespace}/${method.callee}`),
  );
  if (missing.size > 0)
    throw new InputError(
      `the manifests lack the workloads ${[...missing].join(', ')}`,
      'synthesize them with `make synth`',
    );
}

/** Decides every cell on `documents` and compares it with `intent`. Errors: the problems of the documents. */
export function verifyMatrix(
  documents: readonly SourceDocument[],
  intent: DeclaredIntent,
):
  | { readonly ok: true; readonly verdict: MatrixVerdict }
  | { readonly ok: false; readonly problems: readonly Problem[] } {
  const mesh = parseMesh([...documents, ...undeclaredWorkloads()]);
  if (!mesh.ok) return { ok: false, problems: mesh.problems };
  const decider = compile(mesh.value);
  const user = userOf(intent);
  const asked = [...cells(intent), ...undeclaredCells(intent)];
  checkCallees(asked, mesh.value);
  const differences: CellDifference[] = [];
  let allowed = 0;
  let denied = 0;
  for (const cell of asked) {
    const expected = expectationOf(cell, intent, user);
    for (const source of sourcesOf(cell)) {
      const decided = decideRequest(decider, requestOf(cell, source, user));
      if (decided.verdict === 'allow') allowed += 1;
      else denied += 1;
      if (!meets(decided, expected)) differences.push({ cell: cellName(cell), expected, decided });
    }
  }
  return { ok: true, verdict: { cells: allowed + denied, allowed, denied, differences } };
}
