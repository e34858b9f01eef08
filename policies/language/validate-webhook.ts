/** What istiod's validation webhook refuses beyond schema and CEL. It runs on documents whose types are checked. */
import type { Cursor } from './parse-cursor.ts';
import { type Problem, quote } from './problem.ts';
import type { KnownKind } from './schema/registry.ts';
import { requestAuthenticationFaults } from './webhook-authentication.ts';
import { authorizationFaults } from './webhook-authorization.ts';
import { fault } from './webhook-fault.ts';

const ISTIO_GROUPS: readonly string[] = ['security.istio.io', 'networking.istio.io', 'telemetry.istio.io'];
const TARGETS: readonly string[] = [
  '/Service',
  'networking.istio.io/ServiceEntry',
  'gateway.networking.k8s.io/Gateway',
  'gateway.networking.k8s.io/GatewayClass',
];

/** The faults that istiod finds in a document; none for kinds outside Istio. */
export function validateWebhook(document: Cursor, { kind, group }: KnownKind): readonly Problem[] {
  if (!ISTIO_GROUPS.includes(group)) return [];
  const spec = document.get('spec');
  switch (kind) {
    case 'AuthorizationPolicy':
      return [...targetFaults(spec), ...dryRunFaults(document), ...authorizationFaults(spec)];
    case 'RequestAuthentication':
      return [...targetFaults(spec), ...dryRunElsewhere(document), ...requestAuthenticationFaults(spec)];
    case 'Telemetry':
      return [...targetFaults(spec), ...dryRunElsewhere(document)];
    case 'Sidecar':
      return [...dryRunElsewhere(document), ...sidecarFaults(spec)];
    case 'VirtualService':
      return [...dryRunElsewhere(document), ...virtualServiceFaults(spec)];
    default:
      return dryRunElsewhere(document);
  }
}

function targetFaults(spec: Cursor): readonly Problem[] {
  const references = [spec.get('targetRef'), ...spec.get('targetRefs').items()].filter((one) => one.isPresent());
  return references.flatMap((reference) => {
    const group = reference.get('group').text();
    const target = `${group === 'core' ? '' : group}/${reference.get('kind').text()}`;
    if (TARGETS.includes(target)) return [];
    const shown = target.replace(/^\//, '');
    return [
      fault(
        'target-kind',
        `a policy cannot be attached to ${quote(shown)}`,
        reference,
        `possible: ${TARGETS.join(', ')}`,
      ),
    ];
  });
}

const DRY_RUN = 'istio.io/dry-run';
/** What Go's `strconv.ParseBool` takes. */
const GO_BOOLEAN = /^(?:1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/;

function dryRunFaults(document: Cursor): readonly Problem[] {
  const value = document.get('metadata', 'annotations', DRY_RUN);
  const action = document.get('spec', 'action').text('ALLOW');
  if (!value.isPresent()) return [];
  if (action !== 'ALLOW' && action !== 'DENY') {
    return [fault('dry-run', `annotation \`${DRY_RUN}\`: expected action ALLOW or DENY, got ${action}`, value)];
  }
  if (GO_BOOLEAN.test(value.text())) return [];
  return [
    fault('dry-run', `annotation \`${DRY_RUN}\`: expected \`true\` or \`false\`, got ${quote(value.text())}`, value),
  ];
}

function dryRunElsewhere(document: Cursor): readonly Problem[] {
  const value = document.get('metadata', 'annotations', DRY_RUN);
  if (!value.isPresent()) return [];
  return [fault('dry-run', `annotation \`${DRY_RUN}\` exists for AuthorizationPolicy only`, value, 'remove it')];
}

function sidecarFaults(spec: Cursor): readonly Problem[] {
  const members = ['egress', 'ingress'].some((name) => spec.get(name).items().length > 0);
  const settings = ['outboundTrafficPolicy', 'inboundConnectionPool'].some((name) => spec.get(name).isPresent());
  if (!members && !settings) return [fault('sidecar-empty', 'a Sidecar without any setting is refused', spec)];
  const hosts = spec
    .get('egress')
    .items()
    .flatMap((listener) => listener.get('hosts').items());
  const empty = spec
    .get('egress')
    .items()
    .filter((listener) => listener.get('hosts').items().length === 0);
  return [
    ...empty.map((listener) => fault('sidecar-host', 'an egress listener names at least one host', listener)),
    ...hosts.flatMap((host) => {
      const [namespace = '', name = '', ...rest] = host.text().split('/');
      if (namespace !== '' && name !== '' && rest.length === 0) return [];
      return [fault('sidecar-host', `expected \`namespace/host\`, got ${quote(host.text())}`, host, 'such as `./*`')];
    }),
  ];
}

function virtualServiceFaults(spec: Cursor): readonly Problem[] {
  const routes = ['http', 'tls', 'tcp'].some((name) => spec.get(name).items().length > 0);
  return routes ? [] : [fault('routes', 'expected http, tls or tcp routes, got none', spec)];
}
