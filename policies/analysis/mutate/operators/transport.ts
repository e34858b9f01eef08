/** P1 to P13: mutual TLS, tokens, injection, and the caller's sidecar. */
import { WORKLOAD_KINDS } from '../../../language/parse-workload.ts';
import { adding, dropping, type Materials, type Operator, operator, rewriting, type Sketch } from '../mutant.ts';
import { type Spot, withValue } from '../spot.ts';

const modes = (mode: string | undefined) =>
  function* sketch(materials: Materials): Iterable<Sketch> {
    for (const policy of materials.of('PeerAuthentication')) {
      const spot = policy.get('spec', 'mtls', 'mode');
      if (spot.text() !== (mode ?? '')) yield rewriting(spot, mode, `the mode became ${mode ?? 'unset'}`);
    }
  };

/** Each pod template with the labels that its policies may select, and its container ports. */
function templates(materials: Materials): readonly { readonly workload: Spot; readonly template: Spot }[] {
  return Object.entries(WORKLOAD_KINDS).flatMap(([kind, path]) =>
    materials.of(kind).map((workload) => ({ workload, template: workload.get(...path) })),
  );
}

const containerPorts = (template: Spot): readonly number[] =>
  template
    .get('spec', 'containers')
    .items()
    .flatMap((container) => container.get('ports').items())
    .map((port) => Number(port.get('containerPort').text()));

/** A PeerAuthentication of one more name in the namespace of a document. */
function peerAuthentication(beside: Spot, name: string, spec: unknown): unknown {
  const namespace = beside.get('metadata', 'namespace').text();
  return { apiVersion: 'security.istio.io/v1', kind: 'PeerAuthentication', metadata: { name, namespace }, spec };
}

function* portExceptions(materials: Materials): Iterable<Sketch> {
  for (const { workload, template } of templates(materials)) {
    const matchLabels = template.get('metadata', 'labels').value;
    for (const port of new Set(containerPorts(template))) {
      for (const mode of ['PERMISSIVE', 'DISABLE']) {
        const spec = { selector: { matchLabels }, portLevelMtls: { [port]: { mode } } };
        const added = peerAuthentication(workload, `port-${port}`, spec);
        yield adding(workload, added, `a PeerAuthentication makes port ${port} ${mode}`);
      }
    }
  }
}

function* secondPolicies(materials: Materials): Iterable<Sketch> {
  for (const policy of materials.of('PeerAuthentication')) {
    for (const place of ['a', 'z']) {
      const name = `${place}-${policy.get('metadata', 'name').text()}`;
      const spec = withValue(policy.get('spec').value, ['mtls', 'mode'], 'PERMISSIVE');
      const order = place === 'a' ? 'before' : 'after';
      yield adding(policy, peerAuthentication(policy, name, spec), `a second PeerAuthentication, ${order} the first`);
    }
  }
}

function* droppedTokens(materials: Materials): Iterable<Sketch> {
  for (const authentication of materials.of('RequestAuthentication')) {
    yield dropping(authentication, 'the RequestAuthentication was dropped');
    const rules = authentication.get('spec', 'jwtRules').items();
    if (rules.length > 1) for (const rule of rules) yield rewriting(rule, undefined, 'a rule for tokens was dropped');
  }
}

const jwtRules = (materials: Materials): readonly Spot[] =>
  materials.of('RequestAuthentication').flatMap((authentication) => authentication.get('spec', 'jwtRules').items());

function* issuersAndAudiences(materials: Materials): Iterable<Sketch> {
  for (const rule of jwtRules(materials)) {
    yield rewriting(rule.get('issuer'), 'https://other.example', 'the issuer became `https://other.example`');
    const audiences = rule.get('audiences');
    if (audiences.isPresent()) yield rewriting(audiences, undefined, '`audiences` was dropped');
    yield rewriting(audiences, ['other'], 'the audiences became `other`');
  }
}

/** What verdicts do not read of a rule for tokens: whose key signs, and where claims go. */
function* keysAndHeaders(materials: Materials): Iterable<Sketch> {
  for (const rule of jwtRules(materials)) {
    for (const field of ['jwks', 'jwksUri']) {
      const keys = rule.get(field);
      if (keys.isPresent()) yield rewriting(keys, undefined, `\`${field}\` was dropped`);
    }
    if (rule.get('jwksUri').isPresent())
      yield rewriting(rule.get('jwksUri'), 'https://other.example/jwks', 'the keys come from elsewhere');
    const header = rule.get('outputPayloadToHeader');
    if (!header.isPresent()) continue;
    yield rewriting(header, `${header.text()}s`, `the payload goes to \`${header.text()}s\``);
    yield rewriting(header, undefined, 'the payload goes nowhere');
  }
}

function* clientTls(materials: Materials): Iterable<Sketch> {
  for (const rule of materials.of('DestinationRule')) {
    const mode = rule.get('spec', 'trafficPolicy', 'tls', 'mode');
    for (const other of ['DISABLE', 'SIMPLE'])
      if (mode.text() !== other) yield rewriting(mode, other, `callers use TLS mode ${other}`);
  }
}

function* excludedPorts(materials: Materials): Iterable<Sketch> {
  for (const { template } of templates(materials)) {
    const annotation = template.get('metadata', 'annotations', 'traffic.sidecar.istio.io/excludeInboundPorts');
    for (const port of new Set(containerPorts(template)))
      yield rewriting(annotation, String(port), `port ${port} is excluded from interception`);
  }
}

function* withoutSidecar(materials: Materials): Iterable<Sketch> {
  for (const { template } of templates(materials))
    yield rewriting(template.get('metadata', 'labels', 'sidecar.istio.io/inject'), 'false', 'no sidecar is injected');
  for (const namespace of materials.of('Namespace')) {
    const label = namespace.get('metadata', 'labels', 'istio-injection');
    if (label.text() === 'enabled') yield rewriting(label, 'disabled', 'the namespace injects no sidecars');
  }
}

function* aliases(materials: Materials): Iterable<Sketch> {
  for (const operator of materials.of('IstioOperator')) {
    const list = operator.get('spec', 'meshConfig', 'trustDomainAliases');
    yield rewriting(list, [...list.texts(), 'alias.example'], 'another trust domain became an alias');
  }
}

function* tcpPorts(materials: Materials): Iterable<Sketch> {
  for (const service of materials.of('Service')) {
    for (const port of service.get('spec', 'ports').items()) {
      const protocol = port.get('appProtocol');
      const value = withValue(port.value, ['name'], `tcp-${port.get('name').text() || port.get('port').text()}`);
      if (protocol.text() !== 'tcp')
        yield rewriting(port, withValue(value, ['appProtocol'], undefined), 'the port is named tcp');
    }
  }
}

function* sidecars(materials: Materials): Iterable<Sketch> {
  for (const sidecar of materials.of('Sidecar')) {
    yield dropping(sidecar, 'the Sidecar was dropped');
    const mode = sidecar.get('spec', 'outboundTrafficPolicy', 'mode');
    if (mode.text() !== 'ALLOW_ANY') yield rewriting(mode, 'ALLOW_ANY', 'unknown hosts are let out');
    for (const listener of sidecar.get('spec', 'egress').items()) {
      const hosts = listener.get('hosts');
      for (const host of ['*/*', './*'])
        if (!hosts.texts().includes(host))
          yield rewriting(hosts, [...hosts.texts(), host], `host \`${host}\` was added`);
      for (const host of hosts.items()) {
        if (hosts.items().length > 1) yield rewriting(host, undefined, `host \`${host.text()}\` was dropped`);
        const [namespace = '', name = ''] = host.text().split('/');
        if (name !== '*') yield rewriting(host, `${namespace}/*`, `host \`${host.text()}\` became \`${namespace}/*\``);
      }
    }
  }
}

/** The operators on transport, tokens and egress. P13 is ours: the reference has no operator on Sidecars. */
export const TRANSPORT: readonly Operator[] = [
  operator('P1', 'PERMISSIVE', modes('PERMISSIVE')),
  operator('P2', 'DISABLE', modes('DISABLE')),
  operator('P3', 'an exception for one port', portExceptions),
  operator('P4', 'the mode is unset', modes(undefined)),
  operator('P5', 'two PeerAuthentications', secondPolicies),
  operator('P6', 'a RequestAuthentication is dropped', droppedTokens),
  operator('P7', 'another issuer or audience', issuersAndAudiences),
  operator('P7k', 'other keys, or the payload elsewhere', keysAndHeaders),
  operator('P8', 'a DestinationRule changes client TLS', clientTls),
  operator('P9', 'a port excluded from interception', excludedPorts),
  operator('P10', 'no sidecar', withoutSidecar),
  operator('P11', 'a trust domain alias', aliases),
  operator('P12', 'a port named tcp', tcpPorts),
  operator('P13', 'the hosts of a Sidecar', sidecars),
];
