/** Ports and protocols: what a rule can see where it applies. Source: semantics.md 3.5, 3.11, 9, 14. */
import type { Clause, Rule } from '../../../language/authorization.ts';
import type { Mesh, Workload } from '../../../language/mesh.ts';
import { isInMesh } from '../../ambient/capture.ts';
import { injectionOf } from '../../injection.ts';
import { PROXY_PORTS } from '../../interception.ts';
import { servicePorts } from '../../listener.ts';
import { inNamespace } from '../../namespaced.ts';
import { portsOf } from '../../workload-ports.ts';
import {
  atObject,
  type Context,
  clausesOf,
  entriesOf,
  inPolicy,
  type MeshCheck,
  ruleAt,
  type WrittenPolicy,
} from '../context.ts';
import type { Sighting } from '../finding.ts';

const HTTP_ONLY: ReadonlySet<Clause['on']> = new Set<Clause['on']>([
  'host',
  'method',
  'path',
  'requestPrincipal',
  'header',
  'claim',
]);

/** The ports of a workload that a rule may be about: those it names, else all. */
function portsInScope(mesh: Mesh, workload: Workload, rule: Rule): readonly number[] {
  const named = clausesOf(rule).flatMap((clause) => (clause.on === 'port' ? clause.values : []));
  return portsOf(mesh, workload).filter((port) => named.length === 0 || named.includes(port));
}

/**
 * The first TCP port that a rule with HTTP fields is lost on. An ALLOW rule is lost where all ports that it is about are
 * TCP, for every workload it applies to; a DENY rule changes its meaning on any.
 */
function tcpPlace(
  { mesh, listener: listenerOf }: Context,
  { policy, workloads }: WrittenPolicy,
  rule: Rule,
): string | undefined {
  if (!clausesOf(rule).some((clause) => HTTP_ONLY.has(clause.on))) return undefined;
  const places = workloads.flatMap((workload) =>
    portsInScope(mesh, workload, rule)
      .filter((port) => !PROXY_PORTS.includes(port))
      .map((port) => ({ workload, port, listener: listenerOf(workload, port) })),
  );
  const tcp = places.filter(
    ({ listener }) => (listener.kind === 'sidecar' || listener.kind === 'gateway') && listener.protocol === 'tcp',
  );
  const [first] = tcp;
  if (first === undefined || (policy.action.kind === 'ALLOW' && tcp.length < places.length)) return undefined;
  return `port ${first.port} of \`${first.workload.namespace}/${first.workload.name}\``;
}

function* httpFieldsOnTcp(context: Context): Generator<Sighting> {
  for (const written of context.policies) {
    for (const rule of written.policy.rules) {
      const place = tcpPlace(context, written, rule);
      if (place === undefined) continue;
      const effect =
        written.policy.action.kind === 'ALLOW'
          ? 'the whole rule takes no part there'
          : 'the HTTP fields are dropped there, and the rest applies to every connection';
      yield inPolicy(
        written,
        `rule ${rule.index} names HTTP fields, and ${place} is read as TCP: ${effect}`,
        ruleAt(written, rule.index),
      );
    }
  }
}

interface PortEntry {
  readonly port: number;
  readonly serves: boolean;
  /** The container port to which a Service leads from this number, undefined when none does. */
  readonly target: number | undefined;
}

const portEntries = new WeakMap<WrittenPolicy, Map<string, PortEntry>>();

/** Kept, since every rule of a policy mostly names the same port. */
function portEntry(context: Context, written: WrittenPolicy, text: string): PortEntry {
  const known = portEntries.get(written) ?? new Map<string, PortEntry>();
  portEntries.set(written, known);
  const entry = known.get(text) ?? findPort(context, written, text);
  known.set(text, entry);
  return entry;
}

function findPort({ mesh }: Context, { workloads }: WrittenPolicy, text: string): PortEntry {
  const port = Number(text);
  const serves = workloads.some((workload) => portsOf(mesh, workload).includes(port)) || PROXY_PORTS.includes(port);
  const target = workloads
    .flatMap((workload) => portsOf(mesh, workload).map((known) => ({ workload, known })))
    .find(({ workload, known }) =>
      servicePorts(mesh, workload, known).some(({ servicePort }) => servicePort.number === port),
    )?.known;
  return { port, serves, target };
}

function* servicePortsNamed(context: Context): Generator<Sighting> {
  for (const { written, entry, text } of entriesOf(context, ['ports'])) {
    const { serves, target, port } = portEntry(context, written, text);
    if (written.workloads.length > 0 && !serves && target !== undefined)
      yield inPolicy(written, `port ${port} is a Service port: policies see the container port ${target}`, entry);
  }
}

function* unknownPorts(context: Context): Generator<Sighting> {
  for (const { written, entry, text } of entriesOf(context, ['ports'])) {
    const { serves, target, port } = portEntry(context, written, text);
    const declares = written.workloads.some((workload) => portsOf(context.mesh, workload).length > 0);
    if (declares && !serves && target === undefined)
      yield inPolicy(written, `port ${port}: no selected workload declares it and no Service leads to it`, entry);
  }
}

/** Ports that a rule names and that no proxy of any workload it applies to stands before. */
function* portsPassedBy(context: Context): Generator<Sighting> {
  for (const { written, entry, text } of entriesOf(context, ['ports', 'notPorts'])) {
    const { workloads } = written;
    const port = Number(text);
    const listeners = workloads
      .filter((workload) => isInMesh(context.mesh, workload))
      .map((workload) => context.listener(workload, port));
    const [first] = listeners;
    if (first?.kind === 'unguarded' && listeners.every(({ kind }) => kind === 'unguarded'))
      yield inPolicy(written, `port ${port}: ${first.because}`, entry);
  }
}

function* methodsOnGrpc(context: Context): Generator<Sighting> {
  const { mesh } = context;
  for (const written of context.policies) {
    if (written.policy.action.kind !== 'ALLOW') continue;
    for (const rule of written.policy.rules) {
      const methods = clausesOf(rule).flatMap((clause) => (clause.on === 'method' ? clause.values : []));
      const reachesPost = methods.some((pattern) => pattern.kind !== 'exact' || pattern.value === 'POST');
      const ports = written.workloads.flatMap((workload) =>
        portsInScope(mesh, workload, rule).map((port) => servicePorts(mesh, workload, port)[0]?.servicePort.protocol),
      );
      if (methods.length > 0 && !reachesPost && ports.length > 0 && ports.every((protocol) => protocol === 'grpc'))
        yield inPolicy(
          written,
          `rule ${rule.index} does not list POST, and its ports speak gRPC, which is always POST`,
          ruleAt(written, rule.index),
        );
    }
  }
}

function* undeclaredProtocols({ mesh }: Context): Generator<Sighting> {
  for (const service of mesh.services) {
    for (const port of service.ports) {
      if (port.protocol !== 'auto' || port.transport !== 'TCP') continue;
      const workload = inNamespace(mesh.workloads, service.namespace).find(
        (candidate) =>
          injectionOf(mesh, candidate) === 'on' &&
          portsOf(mesh, candidate).some((known) =>
            servicePorts(mesh, candidate, known).some((each) => each.servicePort === port),
          ),
      );
      if (workload !== undefined)
        yield atObject(
          'Service',
          service,
          `port ${port.number}: no protocol is declared, so the first bytes decide whether HTTP rules apply`,
        );
    }
  }
}

/** Checks of ports and protocols. */
export const PORTS: readonly MeshCheck[] = [
  {
    code: 'authz/http-field-on-tcp-port',
    severity: 'error',
    title: 'HTTP fields on a port that is read as TCP',
    resolution:
      'Hosts, methods, paths, headers, claims and request principals do not exist on a TCP chain. An ALLOW rule that names one of them is dropped there as a whole and grants nothing; a DENY rule loses them and, if nothing else is left, cuts every connection. Declare the port as http, http2 or grpc (`appProtocol`, or the prefix of its name), or write rules for it that use identities and ports only.',
    find: httpFieldsOnTcp,
  },
  {
    code: 'authz/service-port',
    severity: 'error',
    title: 'a rule names the port of the Service',
    resolution:
      'Policies see the port on which the container listens, never the port of the Service (advisory ISTIO-SECURITY-2021-002). The rule matches nothing: under ALLOW the call is refused, under DENY it passes. Write the target port.',
    find: servicePortsNamed,
  },
  {
    code: 'authz/unknown-port',
    severity: 'warning',
    title: 'a rule names a port that nothing serves',
    resolution:
      'No selected workload declares the port and no Service leads to it. Correct the number, or declare the container port so that readers and tools can see it.',
    find: unknownPorts,
  },
  {
    code: 'authz/port-not-intercepted',
    severity: 'error',
    title: 'a rule names a port that no proxy stands before',
    resolution:
      "Ports 15008, 15020, 15021 and 15090 are the proxy's own, and the injector leaves them out of the redirection, as it does ports of `excludeInboundPorts` and those that `includeInboundPorts` does not list; a gateway takes connections on its servers' ports alone. No rule and no handshake is asked there, so the rule neither admits nor refuses anything. Say with a NetworkPolicy who may connect, and take the port out of the rule.",
    find: portsPassedBy,
  },
  {
    code: 'authz/method-on-grpc',
    severity: 'error',
    title: 'a rule for gRPC does not list POST',
    resolution:
      'Every gRPC call is an HTTP POST. A rule for gRPC ports whose `methods` leave POST out matches no call: write `methods: [POST]`.',
    find: methodsOnGrpc,
  },
  {
    code: 'service/undeclared-protocol',
    severity: 'warning',
    title: 'a Service port declares no protocol',
    resolution:
      'Istio guesses the protocol of the port from the first bytes, so the caller chooses whether HTTP rules or TCP rules decide. Set `appProtocol`, or begin the name of the port with the protocol (`grpc-…`, `http-…`, `tcp-…`).',
    find: undeclaredProtocols,
  },
];
