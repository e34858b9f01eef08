/** One cell of a survey: a caller, a target and a token, as a probe and as a request to decide. */
import type { ProbeRequest } from '../../probe/protocol.ts';
import type { Caller } from './caller.ts';
import { probeFrom } from './probe-from.ts';
import { type Target, targetName } from './target.ts';
import { mintToken, type SigningKey, type TokenState, tokenJson, tokenStates } from './user-token.ts';

/** What is asked once. */
export interface Cell {
  readonly caller: Caller;
  readonly target: Target;
  readonly token: TokenState;
}

/** The name of a cell in every report: `risk -> execution POST /…/SubmitTrade (token: none)`. */
export function cellName({ caller, target, token }: Cell): string {
  return `${callerName(caller)} -> ${targetName(target)}${target.user === null ? '' : ` (token: ${token})`}`;
}

/** The name of a caller in every report: `trading/risk`. */
export const callerName = ({ workload }: Pick<Caller, 'workload'>): string => `${workload.namespace}/${workload.name}`;

/** Every caller with every target, in each state of a token where a user is asked for. */
export function cellsOf(
  callers: readonly Caller[],
  targets: readonly Target[],
  key: SigningKey | null,
): readonly Cell[] {
  return callers.flatMap((caller) =>
    targets.flatMap((target) => tokenStates(target.user, key).map((token) => ({ caller, target, token }))),
  );
}

/** The cell as a probe of its own id. */
export function probeOf({ caller, target, token }: Cell, key: SigningKey | null): ProbeRequest {
  const { host, servicePort: port, http, protocol, user } = target;
  const bearer = user === null ? undefined : mintToken(user, token, key);
  return probeFrom(caller, {
    host,
    port,
    protocol: probeProtocols[protocol],
    http: http === null ? null : { ...http, authority: `${host}:${port}`, headers: {} },
    bearer: bearer ?? null,
  });
}

const probeProtocols = { grpc: 'http2', http: 'http1', tcp: 'tcp' } as const;

/** The cell in the request format of `meshwright decide`. */
export function requestOf(cell: Cell): unknown {
  const { caller, target, token } = cell;
  const headers = target.protocol === 'grpc' ? { 'content-type': ['application/grpc'] } : {};
  return {
    id: cellName(cell),
    source: { workload: { namespace: caller.workload.namespace, name: caller.workload.name } },
    destination: { namespace: target.namespace, workload: target.workload, port: target.port },
    http: target.http === null ? null : { ...target.http, host: `${target.host}:${target.servicePort}`, headers },
    jwt: target.user === null ? null : tokenJson(target.user, token),
  };
}
