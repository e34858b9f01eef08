/** mTLS: who sets it, where it is off, and rules that depend on it. Source: semantics.md 4 and 5. */
import type { PeerAuthentication } from '../../../language/mesh.ts';
import type { Cursor } from '../../../language/parse-cursor.ts';
import type { DestinationRule } from '../../../language/traffic.ts';
import { applicable } from '../../attachment.ts';
import { hostOf, isHostPattern } from '../../outbound.ts';
import { portsOf } from '../../workload-ports.ts';
import { atDocument, atObject, type Context, clausesOf, inPolicy, type MeshCheck, ruleAt } from '../context.ts';
import type { Sighting } from '../finding.ts';

const setsMode = (mode: PeerAuthentication['mode']) =>
  function* ({ mesh }: Context): Generator<Sighting> {
    for (const policy of mesh.peerAuthentications) {
      if (policy.mode === mode) yield atObject('PeerAuthentication', policy, `mode ${mode} for ${scopeOf(policy)}`);
      for (const { port } of policy.portModes.filter((entry) => entry.mode === mode))
        yield atObject('PeerAuthentication', policy, `mode ${mode} for port ${port} of ${scopeOf(policy)}`);
    }
  };

function scopeOf({ attachment, namespace }: PeerAuthentication): string {
  return attachment.kind === 'wholeNamespace' ? `namespace \`${namespace}\`` : `selected workloads of \`${namespace}\``;
}

/** Workloads whose mode nobody has set to STRICT, and where no object says PERMISSIVE or DISABLE either: one for each namespace. */
function* notStrict({ mesh, listener }: Context): Generator<Sighting> {
  const seen = new Set<string>();
  for (const workload of mesh.workloads) {
    const stated = applicable(mesh.peerAuthentications, mesh, workload).some(({ mode }) => mode !== 'UNSET');
    if (stated || seen.has(workload.namespace)) continue;
    const guarded = portsOf(mesh, workload).some((port) => listener(workload, port).kind === 'sidecar');
    if (!guarded) continue;
    seen.add(workload.namespace);
    yield atObject(
      workload.kind,
      workload,
      `no PeerAuthentication sets a mode in namespace \`${workload.namespace}\`: plaintext is accepted`,
    );
  }
}

const switchesOff = ({ mode, portModes }: PeerAuthentication): boolean =>
  mode === 'DISABLE' || portModes.some((each) => each.mode === 'DISABLE');

function* identityWithoutMtls({ mesh, policies, listener: listenerOf }: Context): Generator<Sighting> {
  if (!mesh.peerAuthentications.some(switchesOff)) return;
  for (const written of policies) {
    for (const rule of written.policy.rules) {
      const clauses = clausesOf(rule);
      if (!clauses.some(({ on }) => on === 'peer')) continue;
      const named = clauses.flatMap((clause) => (clause.on === 'port' ? clause.values : []));
      const off = written.workloads.flatMap((workload) =>
        portsOf(mesh, workload)
          .filter((port) => named.length === 0 || named.includes(port))
          .filter((port) => {
            const listener = listenerOf(workload, port);
            return listener.kind === 'sidecar' && listener.mode === 'DISABLE';
          })
          .map((port) => `port ${port} of \`${workload.namespace}/${workload.name}\``),
      );
      if (off[0] !== undefined)
        yield inPolicy(
          written,
          `rule ${rule.index} decides by identity, and mTLS is disabled on ${off[0]}: nobody has an identity there`,
          ruleAt(written, rule.index),
        );
    }
  }
}

function* ignored({ mesh }: Context): Generator<Sighting> {
  const first = new Map<string, PeerAuthentication>();
  for (const policy of mesh.peerAuthentications) {
    if (policy.attachment.kind === 'selector' && policy.namespace === mesh.config.rootNamespace)
      yield atObject('PeerAuthentication', policy, 'a selector in the root namespace is ignored by sidecars');
    if (policy.attachment.kind !== 'wholeNamespace') continue;
    const earlier = first.get(policy.namespace);
    first.set(policy.namespace, earlier ?? policy);
    if (earlier !== undefined)
      yield atObject(
        'PeerAuthentication',
        policy,
        `\`${earlier.name}\` covers namespace \`${policy.namespace}\` as well: only the older of the two counts`,
      );
  }
}

function* uselessPorts({ mesh }: Context): Generator<Sighting> {
  for (const policy of mesh.peerAuthentications) {
    const workloads = mesh.workloads.filter(
      (workload) => policy.attachment.kind === 'selector' && applicable([policy], mesh, workload).length > 0,
    );
    for (const { port } of policy.portModes)
      if (workloads.length > 0 && !workloads.some((workload) => portsOf(mesh, workload).includes(port)))
        yield atObject(
          'PeerAuthentication',
          policy,
          `portLevelMtls ${port}: no selected workload listens there (the key is the container port)`,
        );
  }
}

function fullHost(rule: DestinationRule): string {
  return rule.host.includes('.') || rule.host.startsWith('*')
    ? rule.host
    : hostOf({ name: rule.host, namespace: rule.namespace });
}

function* clientTls({ mesh }: Context): Generator<Sighting> {
  for (const rule of mesh.destinationRules) {
    const service = mesh.services.find(
      (each) => each.selector.kind === 'labels' && isHostPattern(fullHost(rule), hostOf(each)),
    );
    const modes = [rule.policy.tls, ...rule.portPolicies.map(({ policy }) => policy.tls)];
    const mode = modes.find((each) => each !== null && each !== 'ISTIO_MUTUAL');
    if (service !== undefined && mode !== undefined)
      yield atObject(
        'DestinationRule',
        rule,
        `client TLS mode ${mode} towards \`${hostOf(service)}\` replaces mesh mTLS: callers arrive without an identity`,
      );
  }
}

/** Every TLS setting of a DestinationRule: for the host, for single ports, for subsets. */
function tlsSettings(document: Cursor): readonly Cursor[] {
  const policies = [
    document.get('spec', 'trafficPolicy'),
    ...document
      .get('spec', 'subsets')
      .items()
      .map((subset) => subset.get('trafficPolicy')),
  ];
  return policies
    .flatMap((policy) => [policy, ...policy.get('portLevelSettings').items()])
    .map((owner) => owner.get('tls'))
    .filter((tls) => ['SIMPLE', 'MUTUAL'].includes(tls.get('mode').text()));
}

/** What TLS to a server outside leaves open. */
function unverified(tls: Cursor): string | undefined {
  if (tls.get('insecureSkipVerify').isTrue()) return '`insecureSkipVerify` accepts every certificate';
  const names = tls.get('subjectAltNames').items().length > 0;
  const authority = tls.get('caCertificates').isPresent() || tls.get('credentialName').isPresent();
  if (names && authority) return undefined;
  return 'it does not name both `caCertificates` and `subjectAltNames`: the server is not verified';
}

function* unverifiedOrigination({ mesh, kinds }: Context): Generator<Sighting> {
  const external = mesh.serviceEntries.flatMap(({ hosts }) => hosts);
  for (const document of kinds.get('DestinationRule') ?? []) {
    const host = document.get('spec', 'host').text();
    if (!external.some((each) => isHostPattern(host, each))) continue;
    for (const tls of tlsSettings(document)) {
      const open = unverified(tls);
      if (open !== undefined) yield atDocument(document, `TLS to \`${host}\`: ${open}`, tls);
    }
  }
}

function* headless({ mesh }: Context): Generator<Sighting> {
  for (const service of mesh.services) {
    if (!service.headless || service.selector.kind === 'none') continue;
    const forced = mesh.destinationRules.some(
      (rule) => rule.policy.tls === 'ISTIO_MUTUAL' && isHostPattern(fullHost(rule), hostOf(service)),
    );
    if (!forced)
      yield atObject(
        'Service',
        service,
        'a headless Service gets no automatic mTLS: callers arrive in plaintext, and STRICT refuses them',
      );
  }
}

/** Checks of mTLS. */
export const TRANSPORT: readonly MeshCheck[] = [
  {
    code: 'transport/permissive',
    severity: 'warning',
    title: 'plaintext is accepted',
    resolution:
      'PERMISSIVE lets callers in without any identity. Positive rules on principals refuse them, every `not…` rule and every rule without a source admits them, and nothing they send is encrypted. Set STRICT; use PERMISSIVE only while workloads are migrated, with a suppression that expires.',
    find: setsMode('PERMISSIVE'),
  },
  {
    code: 'transport/disabled',
    severity: 'error',
    title: 'mTLS is switched off',
    resolution:
      'With mode DISABLE no caller has an identity and nothing is encrypted. Set STRICT, or remove the setting so that the mesh-wide one applies.',
    find: setsMode('DISABLE'),
  },
  {
    code: 'transport/not-strict',
    severity: 'warning',
    title: 'no PeerAuthentication sets a mode',
    resolution:
      'Without a PeerAuthentication Istio is PERMISSIVE and accepts plaintext. Add one named `default` with mode STRICT and without selector to the root namespace.',
    find: notStrict,
  },
  {
    code: 'transport/identity-rule-without-mtls',
    severity: 'error',
    title: 'a rule needs identities where mTLS is off',
    resolution:
      'On a port with mode DISABLE there is no peer identity: ALLOW rules on principals, namespaces or accounts never match, and `not…` values always do. Set the port to STRICT.',
    find: identityWithoutMtls,
  },
  {
    code: 'transport/ignored-policy',
    severity: 'warning',
    title: 'a PeerAuthentication has no effect',
    resolution:
      'Sidecars ignore a selector in the root namespace, and of several PeerAuthentications for one whole namespace only the oldest counts. Move the policy to the namespace of the workload, or merge the two.',
    find: ignored,
  },
  {
    code: 'transport/port-without-effect',
    severity: 'warning',
    title: 'portLevelMtls names a port that nothing serves',
    resolution:
      'The keys of `portLevelMtls` are container ports, never Service ports. This one belongs to no selected workload, so the setting does nothing.',
    find: uselessPorts,
  },
  {
    code: 'transport/client-tls-off',
    severity: 'error',
    title: 'a DestinationRule turns mesh mTLS off',
    resolution:
      'An explicit client mode DISABLE, SIMPLE or MUTUAL replaces mesh mTLS for every endpoint of the host: calls into STRICT ports fail, calls into PERMISSIVE ports arrive in plaintext and without identity. Remove `tls`, or write ISTIO_MUTUAL.',
    find: clientTls,
  },
  {
    code: 'transport/unverified-origination',
    severity: 'warning',
    title: 'TLS to the outside does not verify the server',
    resolution:
      'Istio verifies a server outside the mesh only if the DestinationRule says against what. Set `caCertificates` (or `credentialName`) and `subjectAltNames`.',
    find: unverifiedOrigination,
  },
  {
    code: 'transport/headless',
    severity: 'warning',
    title: 'a headless Service gets no automatic mTLS',
    resolution:
      'Calls to a headless Service go straight to a pod and in plaintext, so STRICT refuses them and no principal exists. Give the Service a cluster IP, or add a DestinationRule with ISTIO_MUTUAL for its host.',
    find: headless,
  },
];
