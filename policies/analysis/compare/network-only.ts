/**
 * What NetworkPolicy alone guards. A sidecar does not intercept its proxy's own ports: no proxy decides there, so nothing
 * is claimed about them but what `network-equals-declared` proves. Calls there are declared as what they are.
 */
import type { Mesh } from '../../language/mesh.ts';
import { isAmbient } from '../ambient/capture.ts';
import { injectionOf } from '../injection.ts';
import { PROXY_PORTS } from '../interception.ts';
import type { Listener } from '../listener.ts';
import { type Grant, grantName } from './intent.ts';

/** True iff the port leads to the proxy itself, past its own filters. */
export function isProxysOwn(listener: Listener): boolean {
  return listener.kind === 'unguarded' && listener.whose === 'proxy';
}

/** True iff no proxy stands before the port and every grant says that none does. */
export function areNetworkOnly(grants: readonly Grant[], listener: Listener): boolean {
  return listener.kind === 'unguarded' && grants.length > 0 && grants.every(({ guard }) => guard === 'networkPolicy');
}

const NAMED = 3;

/** What a reader must know of a proof about proxies: where none decides, and what was declared there. */
export function networkOnlyNotes(mesh: Mesh, grants: readonly Grant[], trustDomain: string): readonly string[] {
  const alone = grants
    .filter(({ guard, caller }) => guard === 'networkPolicy' && caller.kind !== 'node')
    .map((grant) => grantName(grant, trustDomain));
  const more = alone.length > NAMED ? ` and ${alone.length - NAMED} more` : '';
  return [
    ...(mesh.workloads.some((workload) => injectionOf(mesh, workload) !== 'off' && !isAmbient(mesh, workload))
      ? [`ports ${PROXY_PORTS.join(', ')} are the proxies' own and not intercepted: NetworkPolicy alone guards them`]
      : []),
    ...(alone.length > 0
      ? [`declared as guarded by NetworkPolicy alone: ${alone.slice(0, NAMED).join(', ')}${more}`]
      : []),
  ];
}
