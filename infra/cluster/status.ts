/** `make status`: every workload as it is now, read from the cluster and from the proxies themselves. */
import type { V1Pod } from '@kubernetes/client-node';
import type { ClusterAccess } from './access.ts';
import { mutualTlsMode, policiesOn, type SecurityObject } from './attached-policies.ts';
import { type LeafCertificate, readCertificate } from './certificates.ts';
import { podState } from './pod-state.ts';
import { printUsage, usageByPart } from './usage.ts';
import { printVerdict, tryReadVerdict } from './verdict.ts';

/** What status is read for. */
export interface StatusRequest {
  readonly access: ClusterAccess;
  readonly rootNamespace: string;
  /** The folder in which the last verdict is kept. */
  readonly state: string;
  readonly now: Date;
}

type CertificateAnswer = LeafCertificate | { readonly missing: string };

interface Row {
  readonly pod: V1Pod;
  readonly certificate: CertificateAnswer;
}

const proxyName = 'istio-proxy';

function hasProxy({ spec }: V1Pod): boolean {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].some(({ name }) => name === proxyName);
}

async function certificateOf(access: ClusterAccess, pod: V1Pod): Promise<CertificateAnswer> {
  const { namespace = '', name = '' } = pod.metadata ?? {};
  try {
    return (await readCertificate(access, { namespace, pod: name })) ?? { missing: 'none yet' };
  } catch (error) {
    return { missing: `not read: ${(error as Error).message}` };
  }
}

/** `in 23 h` or `EXPIRED`. */
function printExpiry(notAfter: Date, now: Date): string {
  const minutes = Math.floor((notAfter.getTime() - now.getTime()) / 60_000);
  if (minutes < 0) return 'EXPIRED';
  return minutes < 120 ? `in ${minutes} min` : `in ${Math.floor(minutes / 60)} h`;
}

function printRow(
  row: Row,
  objects: readonly (readonly SecurityObject[])[],
  request: StatusRequest,
): readonly string[] {
  const { pod, certificate } = row;
  const { namespace = '', name = '', labels = {} } = pod.metadata ?? {};
  const [authentications = [], authorizations = [], tokens = []] = objects;
  const workload = { namespace, labels };
  const state = podState(pod);
  const how = 'because' in state ? `${state.kind}: ${state.because}` : state.kind;
  const policies = policiesOn(workload, [...authorizations, ...tokens], request.rootNamespace);
  return [
    `${namespace}/${name}  ${how}`,
    ...('missing' in certificate
      ? [`  identity     ${certificate.missing}`]
      : [
          `  identity     ${certificate.spiffeId}`,
          `  certificate  issued by ${certificate.issuer}, expires ${printExpiry(certificate.notAfter, request.now)} (${certificate.notAfter.toISOString()})`,
        ]),
    `  mutual TLS   ${mutualTlsMode(workload, authentications, request.rootNamespace)}`,
    `  policies     ${policies.join(', ') || 'NONE'}`,
  ];
}

/** The lines of `make status`. Errors: what reading the cluster throws. */
export async function readStatus(request: StatusRequest): Promise<readonly string[]> {
  const { access } = request;
  const security = (plural: string) =>
    access.customObjects('security.istio.io', plural) as Promise<readonly SecurityObject[]>;
  const [pods, objects, summary] = await Promise.all([
    access.pods(),
    Promise.all(['peerauthentications', 'authorizationpolicies', 'requestauthentications'].map(security)),
    access.nodeSummary(),
  ]);
  const rows = await Promise.all(
    pods.filter(hasProxy).map(async (pod) => ({ pod, certificate: await certificateOf(access, pod) })),
  );
  return [
    ...rows.flatMap((row) => printRow(row, objects, request)),
    '',
    ...printUsage(usageByPart(summary)),
    '',
    printVerdict(await tryReadVerdict(request.state), request.now),
  ];
}
