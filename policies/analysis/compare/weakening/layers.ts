/** Every layer that can become weaker, in the order of a call: one function for the mesh, a workload, and a port. */
import type { Listener } from '../../listener.ts';
import type { CallerSide, Callers } from '../callers.ts';
import type { PreparedMesh } from '../prepared.ts';
import type { Pair, PortLabel } from '../sides.ts';
import { lostDefence } from './defence.ts';
import { weakenedEgress, weakenedRegistry } from './egress.ts';
import { weakenedNetwork } from './network.ts';
import { dataPlaneOf } from './participation.ts';
import { weakenedPolicies } from './policies.ts';
import { weakenedTokens } from './tokens.ts';
import { type PairBudget, type Weakening, weakening } from './weakening.ts';

/** Settings and outside destinations of the mesh. */
export function weakenedMesh(before: PreparedMesh, after: PreparedMesh): readonly Weakening[] {
  const [was, is] = [before.mesh.config, after.mesh.config];
  const domains = [before, after].map(
    ({ mesh: { config } }) =>
      new Set([config.trustDomain, ...config.trustDomainAliases, ...config.certificateTrustDomains]),
  );
  const [known = new Set<string>(), accepted = new Set<string>()] = domains;
  const ranks = ['NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES'];
  return [
    ...[...accepted]
      .filter((domain) => !known.has(domain))
      .map((domain) => weakening('trust-domain', null, `identities of trust domain \`${domain}\` are accepted`)),
    ...(ranks.indexOf(is.pathNormalization) < ranks.indexOf(was.pathNormalization)
      ? [
          weakening(
            'path-normalization',
            null,
            `path normalization ${was.pathNormalization} became ${is.pathNormalization}`,
          ),
        ]
      : []),
    ...weakenedRegistry(before.mesh, after.mesh),
  ];
}

/** What does not depend on one port. */
export function weakenedWorkload(pair: Pair): readonly Weakening[] {
  const { was, is } = pair;
  if (was === undefined || is === undefined) return [];
  const [plane, now] = [dataPlaneOf(pair.before.mesh, was.workload), dataPlaneOf(pair.after.mesh, is.workload)];
  const weaker = now.rank < plane.rank;
  return [
    ...(weaker ? [weakening('data-plane', pair.name, `${plane.text} became ${now.text}`)] : []),
    ...weakenedEgress(pair, was, is),
    ...weakenedNetwork(pair, was, is),
    ...weakenedTokens(pair, was, is),
    ...weakenedPolicies(pair, was, is),
  ];
}

/** One port of a workload that both versions have. */
export interface PortVersions extends PortLabel {
  readonly was: CallerSide;
  readonly is: CallerSide;
  readonly callers: Callers;
  readonly pairs: PairBudget;
}

/** What depends on the port. */
export function weakenedPort(pair: Pair, versions: PortVersions): readonly Weakening[] {
  const { label } = versions;
  const [was, is] = [versions.was.decision.listener, versions.is.decision.listener];
  const found = [...weakenedListener(pair.name, was, is), ...lostDefence(pair, versions)];
  return found.map((each) => ({ ...each, ports: [label] }));
}

const MODES = ['DISABLE', 'PERMISSIVE', 'STRICT'];
const GATEWAY_IDENTITIES = ['none', 'clientCertificate', 'mesh'];

function weakenedListener(name: string, was: Listener, is: Listener): readonly Weakening[] {
  if ((was.kind === 'sidecar' || was.kind === 'ztunnel') && (is.kind === 'sidecar' || is.kind === 'ztunnel')) {
    const weaker = MODES.indexOf(is.mode) < MODES.indexOf(was.mode);
    return weaker ? [weakening('mtls-mode', name, `mTLS mode ${was.mode} became ${is.mode}`)] : [];
  }
  if (was.kind === 'gateway' && is.kind === 'gateway') {
    const weaker = GATEWAY_IDENTITIES.indexOf(is.identity) < GATEWAY_IDENTITIES.indexOf(was.identity);
    return weaker ? [weakening('gateway-tls', name, `client identity ${was.identity} became ${is.identity}`)] : [];
  }
  if (was.kind !== 'unguarded' && is.kind === 'unguarded')
    return [weakening('interception', name, `no proxy of the mesh stands before it any more: ${is.because}`)];
  return [];
}
