/** Trust domains, gateways, routes and settings that published advisories turn on. Source: semantics.md 1, 3.10; threats.md 6 and 7. */
import { hostOf } from '../../outbound.ts';
import { atObject, type Context, clausesOf, entriesOf, inPolicy, type MeshCheck } from '../context.ts';
import type { Sighting } from '../finding.ts';

function* aliases(context: Context): Generator<Sighting> {
  const { trustDomain, trustDomainAliases } = context.mesh.config;
  const merged = trustDomainAliases.filter((alias) => alias !== trustDomain);
  if (merged.length === 0) return;
  const seen = new Set<unknown>();
  for (const { written, entry, text } of entriesOf(context, ['principals', 'trustDomains'])) {
    const first = text.split('/')[0] ?? '';
    if (seen.has(written) || ![trustDomain, ...merged, 'cluster.local'].includes(first)) continue;
    seen.add(written);
    yield inPolicy(
      written,
      `\`${text}\` also stands for the same name in ${merged.map((alias) => `\`${alias}\``).join(', ')}: trustDomainAliases merge the identities`,
      entry,
    );
  }
}

function* unknownTrustDomains(context: Context): Generator<Sighting> {
  const { trustDomain, trustDomainAliases, certificateTrustDomains } = context.mesh.config;
  const known = [trustDomain, ...trustDomainAliases, ...certificateTrustDomains];
  for (const { written, field, entry, text } of entriesOf(context, ['principals', 'trustDomains'])) {
    const first = text.split('/')[0] ?? '';
    if (text.startsWith('spiffe:') || first.includes('*')) continue;
    if (first === 'cluster.local' && field.field === 'principals') continue;
    if (!known.includes(first))
      yield inPolicy(
        written,
        `trust domain \`${first}\`: the mesh accepts ${known.map((each) => `\`${each}\``).join(', ')}`,
        entry,
      );
  }
}

function* clusterLocal(context: Context): Generator<Sighting> {
  const { trustDomain, trustDomainAliases } = context.mesh.config;
  if ([trustDomain, ...trustDomainAliases].includes('cluster.local')) return;
  for (const { written, entry, text } of entriesOf(context, ['principals']))
    if (text.startsWith('cluster.local/'))
      yield inPolicy(written, `principal \`${text}\` is rewritten to the trust domain \`${trustDomain}\``, entry);
}

function* gatewayServers(
  { mesh }: Context,
  test: (server: Context['mesh']['gateways'][number]['servers'][number]) => string | undefined,
): Generator<Sighting> {
  for (const gateway of mesh.gateways) {
    for (const server of gateway.servers) {
      const message = test(server);
      if (message !== undefined) yield atObject('Gateway', gateway, message);
    }
  }
}

function* opaque({ mesh }: Context): Generator<Sighting> {
  for (const object of mesh.unmodelled)
    if (object.kind === 'EnvoyFilter' || object.kind === 'WasmPlugin')
      yield atObject(
        object.kind,
        object,
        `${object.kind} \`${object.namespace}/${object.name}\` can change any verdict`,
      );
}

function* normalizationOff({ mesh, policies }: Context): Generator<Sighting> {
  if (mesh.config.pathNormalization !== 'NONE') return;
  for (const written of policies)
    if (written.policy.rules.some((rule) => clausesOf(rule).some(({ on }) => on === 'path')))
      yield inPolicy(written, 'paths are compared as they were sent: pathNormalization is NONE', written.document);
}

function* foreignRoutes({ mesh }: Context): Generator<Sighting> {
  const namespaceOf = new Map(mesh.services.map((service) => [hostOf(service), service.namespace]));
  for (const route of mesh.virtualServices) {
    if (route.gateways.length > 0 && !route.gateways.includes('mesh')) continue;
    for (const host of route.hosts) {
      const owner = namespaceOf.get(host.includes('.') ? host : hostOf({ name: host, namespace: route.namespace }));
      if (owner !== undefined && owner !== route.namespace && route.namespace !== mesh.config.rootNamespace)
        yield atObject(
          'VirtualService',
          route,
          `routes the host \`${host}\` of namespace \`${owner}\` from namespace \`${route.namespace}\``,
        );
    }
  }
}

function* foreignEntries({ mesh }: Context): Generator<Sighting> {
  const hosts = new Set(mesh.services.map(hostOf));
  for (const entry of mesh.serviceEntries)
    for (const host of entry.hosts)
      if (hosts.has(host))
        yield atObject(
          'ServiceEntry',
          entry,
          `host \`${host}\` is a Service of the cluster: its callers are led elsewhere`,
        );
}

/** Checks of trust domains, gateways, routes and settings. */
export const ADVISORIES: readonly MeshCheck[] = [
  {
    code: 'trust/alias-merges-identities',
    severity: 'warning',
    title: 'trust domain aliases merge identities',
    resolution:
      'With `trustDomainAliases` a principal of one trust domain also stands for the same namespace and account in every alias, so that whoever runs those domains holds the grant too. Remove the aliases once the migration is done; suppress the finding until then.',
    find: aliases,
  },
  {
    code: 'trust/unknown-trust-domain',
    severity: 'error',
    title: 'a rule names a trust domain that is not accepted',
    resolution:
      'The handshake refuses certificates of trust domains other than the own, its aliases and those of `caCertificates`, so the value matches nobody. Correct the domain, or declare it in the mesh settings.',
    find: unknownTrustDomains,
  },
  {
    code: 'trust/cluster-local',
    severity: 'warning',
    title: 'a principal says `cluster.local` in a mesh of another trust domain',
    resolution:
      'Sidecars read a leading `cluster.local` as the own trust domain, ztunnel and proxyless gRPC compare it literally. Write the trust domain out.',
    find: clusterLocal,
  },
  {
    code: 'gateway/auto-passthrough',
    severity: 'error',
    title: 'a Gateway passes TLS through by SNI',
    resolution:
      'AUTO_PASSTHROUGH forwards to any Service of the mesh that the SNI names, past the policies of the gateway (CVE-2021-31921). Use it only between clusters, on a port that the internet cannot reach.',
    find: (context) =>
      gatewayServers(context, ({ tlsMode, port }) =>
        tlsMode === 'AUTO_PASSTHROUGH' ? `port ${port}: TLS mode AUTO_PASSTHROUGH` : undefined,
      ),
  },
  {
    code: 'gateway/any-host',
    severity: 'warning',
    title: 'a Gateway serves every host',
    resolution:
      'A server with the host `*` lets any namespace attach routes of any host to the gateway. List the hosts, each with its namespace (`edge/shop.example`).',
    find: (context) =>
      gatewayServers(context, ({ hosts, port }) =>
        hosts.some((host) => host === '*' || host === '*/*') ? `port ${port}: serves every host` : undefined,
      ),
  },
  {
    code: 'gateway/plaintext',
    severity: 'warning',
    title: 'a Gateway accepts plaintext',
    resolution:
      'The server speaks HTTP without TLS: tokens and payloads cross the network in the clear. Serve HTTPS, or keep the port only for `httpsRedirect` and suppress the finding with that reason.',
    find: (context) =>
      gatewayServers(context, ({ protocol, tlsMode, port }) =>
        tlsMode === null && /^(HTTP|HTTP2|GRPC)$/i.test(protocol) ? `port ${port}: ${protocol} without TLS` : undefined,
      ),
  },
  {
    code: 'opaque/proxy-extension',
    severity: 'warning',
    title: 'a proxy extension can change verdicts',
    resolution:
      'EnvoyFilter and WasmPlugin change the proxy itself, beyond what policies say and this tool reads. Every verdict about their workloads is conditional. Express the need with policies where possible, and restrict who may create these kinds.',
    find: opaque,
  },
  {
    code: 'mesh/path-normalization-off',
    severity: 'warning',
    title: 'paths are not normalized',
    resolution:
      'With `pathNormalization: NONE` a policy compares `/a/../b` and `/a//b` as they were sent, while applications often resolve them (CVE-2019-9901, CVE-2021-31920). Choose MERGE_SLASHES or DECODE_AND_MERGE_SLASHES.',
    find: normalizationOff,
  },
  {
    code: 'routing/foreign-host',
    severity: 'warning',
    title: "a route for another namespace's host",
    resolution:
      'A VirtualService for the mesh applies to callers everywhere and here leads the traffic of another namespace (ISTIO-SECURITY-2026-002). Keep routes with the Service they are for, or limit them with `exportTo`.',
    find: foreignRoutes,
  },
  {
    code: 'routing/service-shadowed',
    severity: 'error',
    title: 'a ServiceEntry takes the host of a Service',
    resolution:
      'The ServiceEntry has the host of a Service of the cluster, so that callers may be led to its endpoints instead. Remove it, or give it a host of its own.',
    find: foreignEntries,
  },
];
