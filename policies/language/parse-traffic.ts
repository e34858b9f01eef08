/** Parses Sidecar and Gateway. Routing is in `parse-routing.ts`, ServiceEntry in `parse-service-entry.ts`. */
import type { Cursor } from './parse-cursor.ts';
import type { EgressHost, Gateway, Sidecar, WorkloadSelection } from './traffic.ts';

/** Namespace, name and place of a document. */
export function parseNamed(document: Cursor) {
  const metadata = document.get('metadata');
  return {
    namespace: metadata.textOf('namespace', 'default'),
    name: metadata.textOf('name'),
    at: document.place(),
  };
}

/** Parses a `workloadSelector`-like object with its labels under `key`. */
export function parseSelection(selector: Cursor, key: 'labels' | 'matchLabels'): WorkloadSelection {
  const labels = selector.get(key).labels();
  return Object.keys(labels).length === 0 ? { kind: 'wholeNamespace' } : { kind: 'labels', labels };
}

/** Parses a Sidecar resource. */
export function parseSidecar(document: Cursor): Sidecar {
  const spec = document.get('spec');
  const mode = spec.get('outboundTrafficPolicy', 'mode').text();
  const listeners = spec
    .get('egress')
    .items()
    .map((listener) => ({
      port: listener.get('port', 'number').number(),
      hosts: listener.get('hosts').texts().map(parseEgressHost),
    }));
  return {
    ...parseNamed(document),
    selection: parseSelection(spec.get('workloadSelector'), 'labels'),
    egress: listeners.length === 0 ? { kind: 'unset' } : { kind: 'hosts', listeners },
    outboundMode: spec.get('outboundTrafficPolicy').isPresent()
      ? mode === 'ALLOW_ANY'
        ? 'ALLOW_ANY'
        : 'REGISTRY_ONLY'
      : null,
    createdAt: document.get('metadata', 'creationTimestamp').text(),
  };
}

function parseEgressHost(text: string): EgressHost {
  const slash = text.indexOf('/');
  const namespace = slash < 0 ? '*' : text.slice(0, slash);
  const host = text.slice(slash + 1);
  if (namespace === '.') return { namespace: { kind: 'own' }, host };
  if (namespace === '*') return { namespace: { kind: 'all' }, host };
  return { namespace: namespace === '~' ? { kind: 'none' } : { kind: 'named', name: namespace }, host };
}

/** Parses an Istio Gateway. */
export function parseGateway(document: Cursor): Gateway {
  const servers = document
    .get('spec', 'servers')
    .items()
    .map((server) => ({
      name: server.get('port', 'name').text(),
      port: server.get('port', 'number').number() ?? 0,
      protocol: server.get('port', 'protocol').text(),
      hosts: server.get('hosts').texts(),
      bind: server.get('bind').text(),
      tlsMode: server.get('tls').isPresent() ? server.get('tls', 'mode').text('PASSTHROUGH') : null,
      httpsRedirect: server.get('tls', 'httpsRedirect').isTrue(),
      at: server.at(),
      credentialName: server.get('tls', 'credentialName').tryText() ?? null,
      minProtocolVersion: server.get('tls', 'minProtocolVersion').tryText() ?? null,
    }));
  return {
    ...parseNamed(document),
    selector: document.get('spec', 'selector').labels(),
    servers,
    createdAt: document.get('metadata', 'creationTimestamp').text(),
  };
}
