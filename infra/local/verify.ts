/**
 * Decides every cell of the finite matrix on rendered YAML and compares it with the reference meaning of intent.json.
 * Each identity is asked for twice: as a bare certificate, so that AuthorizationPolicy must deny by itself, and, where
 * it belongs to a workload of the manifests, as that workload, with egress and NetworkPolicy in front.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, compile, type Decider, parseRequest, toAnswer } from '#policies/analysis/index.ts';
import { readDocuments, type SourceDocument } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';
import type { Problem } from '#policies/language/problem.ts';
import { catalog } from '#services/catalog.ts';
import { type Cell, callOf, cells } from './matrix.ts';
import { type DeclaredIntent, isDeclared } from './meaning.ts';

/** A cell on which manifests and intent disagree. */
export interface CellDifference {
  readonly cell: string;
  readonly declared: boolean;
  readonly decided: Answer;
}

/** What deciding the matrix gave. */
export interface MatrixVerdict {
  readonly cells: number;
  readonly allowed: number;
  readonly denied: number;
  readonly differences: readonly CellDifference[];
}

/** The manifests of a folder, every file below it in path order, or the problems of all of them. */
export async function readManifests(
  folder: string,
): Promise<{ readonly documents: readonly SourceDocument[]; readonly problems: readonly Problem[] }> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.yaml')).sort();
  const readings = await Promise.all(
    names.map(async (name) => readDocuments(join(folder, name), await readFile(join(folder, name), 'utf8'))),
  );
  return {
    documents: readings.flatMap((reading) => reading.documents),
    problems: readings.flatMap((reading) => reading.problems),
  };
}

/** The name of a cell in every report: `stranger -> execution POST /…/SubmitTrade (valid token)`. */
export function nameOf({ caller, method, token }: Cell): string {
  const suffix = method.scope === null ? '' : ` (token: ${token})`;
  return `${caller.name} -> ${method.callee} ${method.http.method} ${method.http.path}${suffix}`;
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
  const headers = method.grpc ? { 'content-type': ['application/grpc'] } : {};
  return {
    id: nameOf(cell),
    source,
    destination: { namespace: method.namespace, workload: method.callee, port: method.port },
    http: { ...method.http, host, headers },
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

/** The user tokens that `intent` asks for: its one issuer and first audience. Errors: throws when no grant asks for a user. */
export function userOf(intent: DeclaredIntent): { readonly issuer: string; readonly audience: string } {
  const user = intent.grants.find((grant) => grant.user !== null)?.user;
  const audience = user?.audiences[0];
  if (user == null || audience === undefined)
    throw new Error('intent.json asks for no user: expected an issuer and an audience');
  return { issuer: user.issuer, audience };
}

/** Decides every cell on `documents` and compares it with `intent`. Errors: the problems of the documents. */
export function verifyMatrix(
  documents: readonly SourceDocument[],
  intent: DeclaredIntent,
):
  | { readonly ok: true; readonly verdict: MatrixVerdict }
  | { readonly ok: false; readonly problems: readonly Problem[] } {
  const mesh = parseMesh(documents);
  if (!mesh.ok) return { ok: false, problems: mesh.problems };
  const decider = compile(mesh.value);
  const user = userOf(intent);
  const differences: CellDifference[] = [];
  let allowed = 0;
  let denied = 0;
  for (const cell of cells(intent)) {
    const declared = isDeclared(intent, callOf(cell, user));
    for (const source of sourcesOf(cell)) {
      const decided = decideRequest(decider, requestOf(cell, source, user));
      if (decided.verdict === 'allow') allowed += 1;
      else denied += 1;
      if ((decided.verdict === 'allow') !== declared) differences.push({ cell: nameOf(cell), declared, decided });
    }
  }
  return { ok: true, verdict: { cells: allowed + denied, allowed, denied, differences } };
}
