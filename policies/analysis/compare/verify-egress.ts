/**
 * Proves that sidecars know the declared hosts and no other. This is a guard rail and no boundary: a process that evades
 * its proxy evades it too (semantics.md 10); the boundary is NetworkPolicy.
 */
import type { Service, Workload } from '../../language/mesh.ts';
import type { EgressHost } from '../../language/traffic.ts';
import { isAmbient, isInMesh } from '../ambient/capture.ts';
import { toAnswer } from '../answer.ts';
import { holdsLabels } from '../attachment.ts';
import { resolveListener, targetNumber } from '../listener.ts';
import { decideNaively } from '../naive.ts';
import { depart, hostOf, isHostPattern, sidecarOf } from '../outbound.ts';
import { parseRequest } from '../parse-request.ts';
import { type DeclaredConnections, type DeclaredEnds, namespacesBeside } from './connections.ts';
import type { Counterexample } from './counterexample.ts';
import { type MeshIndex, UNDECLARED, undeclaredWorkload } from './destinations.ts';
import { type Grant, grantName, type Intent } from './intent.ts';
import { Ledger } from './obligation.ts';
import type { VerifyOptions } from './verify.ts';

/** One sidecar: what it knows and what its workload may call. */
interface Caller {
  readonly source: Workload;
  readonly entries: readonly EgressHost[];
  readonly grants: readonly Grant[];
  readonly ends: DeclaredEnds;
}

const EVERYTHING: EgressHost = { namespace: { kind: 'all' }, host: '*' };
const MOST_OF_A_CALLER = 6;

/** Checks the Sidecars and ServiceEntries of a whole mesh. */
export class EgressCheck {
  readonly ledger = new Ledger();
  readonly #index: MeshIndex;
  readonly #intent: Intent;
  readonly #options: VerifyOptions;
  readonly #connections: DeclaredConnections;
  readonly #services: ReadonlyMap<string, Service>;

  constructor(
    index: MeshIndex,
    intent: Intent,
    known: { readonly connections: DeclaredConnections; readonly options: VerifyOptions },
  ) {
    this.#index = index;
    this.#intent = intent;
    this.#options = known.options;
    this.#connections = known.connections;
    this.#services = new Map(index.mesh.services.map((service) => [hostOf(service), service]));
  }

  /** Checks the sidecar of every workload, that of pods that nobody declared, and the hosts outside. */
  run(): void {
    const { only = () => true } = this.#options;
    const { mesh } = this.#index;
    for (const source of mesh.workloads)
      if (only(source.namespace, source.name) && isInMesh(mesh, source))
        this.#check(source, this.#connections.grantsOf(source, 'egress'));
    for (const namespace of new Set(mesh.workloads.map((each) => each.namespace)))
      if (only(namespace, UNDECLARED)) this.#check(undeclaredWorkload(namespace), []);
    const declared = this.#intent.grants.flatMap(({ callee }) => (callee.kind === 'external' ? [callee.host] : []));
    for (const entry of mesh.serviceEntries) {
      if (!only(entry.namespace, UNDECLARED)) continue;
      for (const host of entry.hosts)
        if (!declared.some((known) => isHostPattern(host, known)))
          this.#fail(
            `ServiceEntry \`${entry.namespace}/${entry.name}\` adds the host \`${host}\`, which no grant names`,
          );
    }
  }

  #check(source: Workload, grants: readonly Grant[]): void {
    const { mesh } = this.#index;
    if (isAmbient(mesh, source)) {
      this.#fail(`\`${source.namespace}/${source.name}\` is ambient: ztunnel lets every host pass, declared or not`);
      return;
    }
    const sidecar = sidecarOf(this.#index.slice(source.namespace), source);
    const mode = sidecar?.outboundMode ?? mesh.config.outboundTrafficPolicy;
    const name = `\`${source.namespace}/${source.name}\``;
    if (mode === 'ALLOW_ANY') this.#fail(`the sidecar of ${name} lets hosts pass that it does not know (ALLOW_ANY)`);
    const entries =
      sidecar === undefined || sidecar.egress.kind === 'unset'
        ? [EVERYTHING]
        : sidecar.egress.listeners.flatMap(({ hosts }) => hosts);
    const ends = this.#connections.endsOf(grants, 'egress');
    const caller = { source, entries, grants, ends };
    for (const entry of entries) this.#checkEntry(caller, entry);
    for (const grant of grants) this.#checkMissing(caller, grant);
  }

  #checkEntry(caller: Caller, entry: EgressHost): void {
    const { source, ends, grants } = caller;
    if (entry.namespace.kind === 'none') return;
    const name = `\`${source.namespace}/${source.name}\``;
    const undeclared = this.#servicesOf(source, entry).filter((service) => !this.#isDeclared(service, ends));
    for (const service of undeclared.slice(0, MOST_OF_A_CALLER)) this.#report(caller, service);
    if (undeclared.length > MOST_OF_A_CALLER)
      this.#fail(`the sidecar of ${name} knows ${undeclared.length - MOST_OF_A_CALLER} more hosts than declared`);
    if (entry.host.startsWith('*')) {
      this.#fail(`the sidecar of ${name} knows every host of ${scopeText(entry, source)} that fits \`${entry.host}\``);
      return;
    }
    const isExternal = grants.some(({ callee }) => callee.kind === 'external' && callee.host === entry.host);
    const isOutside = [...namespacesBeside(ends)].some((namespace) => isIn(entry, source, namespace));
    if (!this.#services.has(entry.host) && !isExternal && !isOutside)
      this.#fail(`the sidecar of ${name} knows \`${entry.host}\` of ${scopeText(entry, source)}, which no grant names`);
  }

  #servicesOf(source: Workload, entry: EgressHost): readonly Service[] {
    const exact = this.#services.get(entry.host);
    const candidates = entry.host.startsWith('*') ? [...this.#services.values()] : exact === undefined ? [] : [exact];
    return candidates.filter(
      (service) => isIn(entry, source, service.namespace) && isHostPattern(entry.host, hostOf(service)),
    );
  }

  #workloadsOf({ namespace, selector }: Service): readonly Workload[] {
    if (selector.kind === 'none') return [];
    const [label] = Object.entries(selector.labels);
    const candidates = label === undefined ? [] : this.#index.labelled(namespace, label);
    return candidates.filter(({ labels }) => holdsLabels(labels, selector.labels));
  }

  #isDeclared(service: Service, ends: DeclaredEnds): boolean {
    const workloads = this.#workloadsOf(service);
    if (workloads.length === 0) return namespacesBeside(ends).has(service.namespace);
    return workloads.some((workload) => ends.workloads.has(workload));
  }

  /** A known host that nobody declared, as the call that its sidecar does not block. */
  #report({ source, grants }: Caller, service: Service): void {
    const [workload] = this.#workloadsOf(service);
    const ports = service.ports.flatMap((port) => (workload === undefined ? [] : (targetNumber(port, workload) ?? [])));
    const mesh = this.#index.between(source.namespace, service.namespace);
    const [port] = ports;
    const isKnown = this.#index.mesh.workloads.includes(source);
    if (workload === undefined || port === undefined || !isKnown) {
      this.#fail(
        `the sidecar of \`${source.namespace}/${source.name}\` knows \`${hostOf(service)}\`, which no grant names`,
      );
      return;
    }
    const listener = resolveListener(mesh, workload, port);
    if (depart(mesh, source, { workload, port, listener }).kind === 'blocked')
      throw new Error(`a sidecar blocks the host that it was found to know: ${hostOf(service)}`);
    const request = {
      id: '1',
      source: { workload: { namespace: source.namespace, name: source.name } },
      destination: { namespace: workload.namespace, workload: workload.name, port },
      http: null,
    };
    const parsed = parseRequest(request);
    if (!parsed.ok) throw new Error('a call to a known host is no request');
    const world = { mesh, profile: this.#options.profile, issuerKeys: new Map() };
    this.ledger.counterexamples.push({
      cell: `${source.name} -> ${workload.name} tcp ${port}`,
      request,
      expected: 'deny by egress',
      decided: toAnswer(parsed.value, decideNaively(world, parsed.value)),
      differsIn: grants.length === 0 ? [] : ['host'],
      grant: null,
      change: `the Sidecar of \`${source.namespace}/${source.name}\` knows \`${hostOf(service)}\``,
    } satisfies Counterexample);
  }

  /** Declared hosts that are no Services of the manifests; calls to those go their whole way elsewhere. */
  #checkMissing({ source, entries, ends }: Caller, grant: Grant): void {
    const { callee } = grant;
    const isKnown = (host: string, namespace: string) =>
      entries.some((entry) => isIn(entry, source, namespace) && isHostPattern(entry.host, host));
    const missing =
      callee.kind === 'external'
        ? !this.#index.mesh.serviceEntries.some(
            ({ namespace, hosts }) =>
              hosts.some((host) => isHostPattern(host, callee.host)) && isKnown(callee.host, namespace),
          )
        : namespacesBeside(ends).has(callee.namespace) &&
          grant.protocol !== 'udp' &&
          !entries.some((entry) => isIn(entry, source, callee.namespace));
    if (missing)
      this.#fail(
        `${grantName(grant, this.#intent.trustDomain)} is declared, and the sidecar of \`${source.namespace}/${source.name}\` knows no such host`,
      );
  }

  #fail(note: string): void {
    this.ledger.failed = true;
    this.ledger.notes.add(note);
  }
}

function isIn({ namespace: scope }: EgressHost, source: Workload, namespace: string): boolean {
  switch (scope.kind) {
    case 'own':
      return source.namespace === namespace;
    case 'all':
      return true;
    case 'none':
      return false;
    case 'named':
      return scope.name === namespace;
  }
}

function scopeText({ namespace }: EgressHost, source: Workload): string {
  if (namespace.kind === 'all') return 'every namespace';
  return `namespace \`${namespace.kind === 'named' ? namespace.name : source.namespace}\``;
}
