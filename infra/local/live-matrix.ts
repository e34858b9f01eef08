/**
 * Probes every cell of the matrix on a running mesh and compares what came out with the reference meaning of
 * intent.json: an allowed call must reach the service's own code, a denied one must be stopped by the expected layer.
 */
import { type Cell, callers, callOf, cellName, cells, type MatrixCaller, type TokenState } from './matrix.ts';
import { type DeclaredIntent, isDeclared } from './meaning.ts';
import type { LocalMesh } from './mesh.ts';
import { type ProbeAnswer, type ProbeIdentity, probe, probeTcp } from './probe.ts';
import { userOf } from './verify.ts';

/** What must come of a cell: `reached`, or the layer that must refuse and the gRPC status that a client must see. */
export interface Expectation {
  readonly layer: 'reached' | 'transport' | 'codec' | 'request-authentication' | 'authorization-policy';
  readonly grpc: number;
}

/** One probed cell. */
export interface LiveCell {
  readonly cell: Cell;
  readonly expected: Expectation;
  readonly answer: ProbeAnswer;
  readonly holds: boolean;
}

/** How the matrix is probed. */
export interface LiveMatrixOptions {
  /** The token states of methods that ask for a user. @default - all of them */
  readonly tokens?: readonly TokenState[];
  /** Hears how many cells of how many are done. */
  readonly onProgress?: (done: number, total: number) => void;
}

const probesAtOnce = 8;
const longAgoMs = 3_600_000;
/** PostgreSQL answers this request for TLS with one byte before anything else: nothing is left behind. */
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

const refusedTokens: Readonly<Partial<Record<TokenState, number>>> = { expired: 16, wrongKey: 16, wrongAudience: 7 };

/** What the declared intent says must come of a cell. */
function expectationOf(cell: Cell, intent: DeclaredIntent): Expectation {
  if (cell.caller.credential.kind !== 'svid') return { layer: 'transport', grpc: 14 };
  if (cell.method.http !== null && !cell.method.http.path.startsWith('/')) return { layer: 'codec', grpc: 14 };
  const tokenRefusal = refusedTokens[cell.token];
  if (tokenRefusal !== undefined) return { layer: 'request-authentication', grpc: tokenRefusal };
  if (isDeclared(intent, callOf(cell, userOf(intent)))) return { layer: 'reached', grpc: 0 };
  return { layer: 'authorization-policy', grpc: cell.method.protocol === 'tcp' ? 14 : 7 };
}

function holds({ method }: Cell, expected: Expectation, answer: ProbeAnswer): boolean {
  if (expected.layer === 'reached')
    return answer.kind === 'answered' && (method.protocol === 'tcp' || answer.probed === method.callee);
  if (answer.probed !== null || answer.grpc !== expected.grpc) return false;
  const refusedInHandshake = answer.kind === 'refused' && ['transport', 'peer-authentication'].includes(answer.layer);
  return expected.layer === 'transport' ? refusedInHandshake : answer.layer === expected.layer;
}

/** Mints what a caller shows: a certificate, an expired one, one of another trust domain, or nothing. */
async function identityOf(mesh: LocalMesh, { credential }: MatrixCaller): Promise<ProbeIdentity> {
  switch (credential.kind) {
    case 'plaintext':
      return { kind: 'plaintext' };
    case 'expired':
      return mesh.mintSvid({ spiffeId: credential.spiffeId, lifetimeMs: 60_000, issuedAt: Date.now() - longAgoMs });
    case 'svid':
    case 'foreignTrustDomain':
      return mesh.mintSvid({ spiffeId: credential.spiffeId });
    default:
      return unreachable(credential);
  }
}

function unreachable(value: never): never {
  throw new Error(`unexpected credential: ${JSON.stringify(value)}`);
}

/** Tokens are signed once a scope and state, not once a cell. */
function tokenMint(mesh: LocalMesh): (cell: Cell) => Promise<string | undefined> {
  const minted = new Map<string, Promise<string>>();
  return async ({ token, method }) => {
    if (token === 'none') return undefined;
    const scope = token === 'missingScope' ? 'none' : (method.scope ?? '');
    const key = `${token} ${scope}`;
    const signed =
      minted.get(key) ??
      mesh.mintUserToken({
        subject: 'probe',
        scope,
        ...(token === 'expired' ? { expiresInSeconds: -300 } : {}),
        ...(token === 'wrongAudience' ? { audience: 'another' } : {}),
        ...(token === 'wrongKey' ? { signer: 'foreign' as const } : {}),
      });
    minted.set(key, signed);
    return signed;
  };
}

async function send(
  mesh: LocalMesh,
  identity: ProbeIdentity,
  cell: Cell,
  token: string | undefined,
): Promise<ProbeAnswer> {
  const { method } = cell;
  const target = mesh.target(method.callee, method.port);
  if (method.http === null || method.protocol === 'tcp') return probeTcp({ target, identity }, sslRequest);
  const bearer = token === undefined ? {} : { token };
  return probe({ target, identity, ...method.http, protocol: method.protocol, ...bearer });
}

/** Probes all cells, a few at a time; the result is in the order of the matrix. */
export async function probeMatrix(
  mesh: LocalMesh,
  intent: DeclaredIntent,
  options: LiveMatrixOptions = {},
): Promise<readonly LiveCell[]> {
  const identities = new Map<string, ProbeIdentity>();
  for (const caller of callers(intent.trustDomain)) identities.set(caller.name, await identityOf(mesh, caller));
  const mint = tokenMint(mesh);
  const all = cells(intent, options.tokens);
  const results = new Map<Cell, LiveCell>();
  const queue = all.values();
  const work = async () => {
    for (const cell of queue) {
      const identity = identities.get(cell.caller.name) ?? { kind: 'plaintext' };
      const answer = await send(mesh, identity, cell, await mint(cell));
      const expected = expectationOf(cell, intent);
      results.set(cell, { cell, expected, answer, holds: holds(cell, expected, answer) });
      options.onProgress?.(results.size, all.length);
    }
  };
  await Promise.all(Array.from({ length: probesAtOnce }, work));
  return all.flatMap((cell) => results.get(cell) ?? []);
}

/** A cell that did not hold, in one line. */
export function describeLiveCell({ cell, expected, answer }: LiveCell): string {
  const got = answer.probed === null ? `${answer.layer}, gRPC ${answer.grpc}` : `reached ${answer.probed}`;
  return `${cellName(cell)}: expected ${expected.layer}, got ${got} (${answer.because})`;
}
