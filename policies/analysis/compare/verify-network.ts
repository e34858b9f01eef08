/**
 * Proves that NetworkPolicies admit every declared connection and no other, each end on its own: an end that lets in too
 * much is refuted although the other end may still stop the call, since both are layers of their own.
 */

import type { Workload } from '../../language/mesh.ts';
import { selects } from '../attachment.ts';
import { isolating } from '../network.ts';
import type { Pod } from '../request.ts';
import { podWorkload } from '../world.ts';
import { type DeclaredConnections, DIRECTIONS, type Direction } from './connections.ts';
import { type MeshIndex, UNDECLARED } from './destinations.ts';
import { type Grant, grantName, type Intent } from './intent.ts';
import {
  canBeShown,
  type NetworkSide,
  refusedConnection,
  surplusText,
  undeclaredConnection,
} from './network-counterexample.ts';
import { missingEnds } from './network-missing.ts';
import { asksForValue, labelsFor, NetworkSurplus, openSide, type Surplus } from './network-surplus.ts';
import { Ledger } from './obligation.ts';
import type { VerifyOptions } from './verify.ts';

const MOST_OF_A_SIDE = 12;

/** Checks the NetworkPolicies of a whole mesh. */
export class NetworkCheck {
  readonly ledger = new Ledger();
  readonly #index: MeshIndex;
  readonly #intent: Intent;
  readonly #options: VerifyOptions;
  readonly #connections: DeclaredConnections;
  readonly #namespaces: readonly string[];
  readonly #surplus: NetworkSurplus;

  constructor(
    index: MeshIndex,
    intent: Intent,
    known: { readonly connections: DeclaredConnections; readonly options: VerifyOptions },
  ) {
    this.#index = index;
    this.#intent = intent;
    this.#options = known.options;
    this.#connections = known.connections;
    this.#namespaces = namespacesOf(index, intent);
    this.#surplus = new NetworkSurplus(index, this.#namespaces, [
      ...this.#connections.pods,
      ...this.#connections.waypointPods,
    ]);
  }

  /** Checks every workload, pods that nobody declared, and what namespaces run besides the manifests. */
  run(): void {
    const { only = () => true } = this.#options;
    const { workloads } = this.#index.mesh;
    for (const own of workloads) {
      if (!only(own.namespace, own.name)) continue;
      for (const direction of DIRECTIONS)
        this.#check(this.#sideOf(own, direction, this.#connections.grantsOf(own, direction)));
    }
    for (const namespace of new Set(workloads.map((each) => each.namespace))) {
      if (!only(namespace, UNDECLARED)) continue;
      const stranger = podWorkload({ namespace, workload: UNDECLARED, labels: {} });
      for (const direction of DIRECTIONS) this.#check(this.#sideOf(stranger, direction, []));
    }
    for (const pod of this.#connections.waypointPods) this.#checkWaypoint(pod);
    for (const pod of this.#connections.pods) if (only(pod.namespace, pod.name)) this.#checkPod(pod);
    for (const namespace of this.#namespaces) {
      const callees = [...(this.#connections.outsideCallees.get(namespace) ?? [])];
      if ([UNDECLARED, ...callees].some((name) => only(namespace, name))) this.#checkOutside(namespace, callees);
    }
  }

  /**
   * A declared pod beside the manifests, where policies of ours select it by a label's value. What holds for whole
   * namespaces is left to those who install it: they write what it needs besides.
   */
  #checkPod(pod: Workload): void {
    const { mesh } = this.#index;
    for (const direction of DIRECTIONS) {
      const grants = this.#connections.grantsOf(pod, direction);
      if (grants.length === 0) continue;
      const side = this.#sideOf(pod, direction, grants);
      if (side.policies.some(({ podSelector }) => asksForValue(podSelector))) this.#check(side);
      else if (direction === 'ingress' && mesh.namespaces.some(({ name }) => name === pod.namespace))
        this.#fail(`no NetworkPolicy isolates \`${pod.namespace}/${pod.name}\``);
    }
  }

  /** The pod that istiod makes of a waypoint, on both of its sides; declared calls through it are decided on their own. */
  #checkWaypoint(own: Workload): void {
    for (const direction of DIRECTIONS) {
      const policies = isolating(this.#index.slice(own.namespace), own, direction);
      this.#checkSurplus({ own, direction, policies, ...this.#connections.throughWaypoint(own, direction) });
    }
  }

  /** What else a namespace runs besides the manifests, as the policies say that select none of their workloads. */
  #checkOutside(namespace: string, callees: readonly string[]): void {
    const pods = this.#podsOutside(namespace, callees);
    for (const direction of DIRECTIONS) {
      const grants = this.#connections.grantsOfOutside(namespace, direction);
      if (grants.length === 0) continue;
      const isolated = pods
        .map((pod) => this.#sideOf(podWorkload(pod), direction, grants))
        .filter(({ policies }) => policies.length > 0);
      for (const side of isolated) this.#check(side);
      const isOurs = this.#index.mesh.namespaces.some(({ name }) => name === namespace);
      if (direction === 'ingress' && isOurs && isolated.length === 0)
        this.#fail(`no NetworkPolicy isolates ${callees.map((name) => `\`${namespace}/${name}\``).join(', ')}`);
    }
  }

  #podsOutside(namespace: string, callees: readonly string[]): readonly Pod[] {
    const { networkPolicies, workloads } = this.#index.slice(namespace);
    const own = [...workloads, ...this.#connections.pods].filter((each) => each.namespace === namespace);
    const pods = new Map<string, Pod>();
    for (const { namespace: where, podSelector, name } of networkPolicies) {
      const labels = labelsFor(podSelector);
      if (where !== namespace || labels === undefined || !asksForValue(podSelector)) continue;
      if (own.some((each) => selects(podSelector, each.labels))) continue;
      pods.set(JSON.stringify(labels), { namespace, workload: callees[0] ?? name, labels });
    }
    return [...pods.values()];
  }

  #sideOf(own: Workload, direction: Direction, grants: readonly Grant[]): NetworkSide {
    const policies = isolating(this.#index.slice(own.namespace), own, direction);
    return { own, direction, policies, grants, ends: this.#connections.endsOf(grants, direction) };
  }

  #check(side: NetworkSide): void {
    this.#checkSurplus(side);
    if (side.policies.length > 0) for (const grant of side.grants) this.#checkMissing(side, grant);
  }

  #checkSurplus(side: NetworkSide): void {
    const { own, direction, policies, ends } = side;
    if (policies.length === 0) {
      this.#report(side, openSide(own, direction));
      return;
    }
    for (const namespace of ends.outside.keys())
      this.ledger.notes.add(
        `pods of \`${namespace}\` that grants name have no declared labels: rules that ask for labels there are taken to mean them`,
      );
    const found = this.#surplus.list(own, direction, { policies, ends });
    for (const surplus of found.slice(0, MOST_OF_A_SIDE)) this.#report(side, surplus);
    const more = found.length - MOST_OF_A_SIDE;
    if (more > 0) this.#fail(`\`${own.namespace}/${own.name}\`, ${direction}: ${more} more peers of rules`);
  }

  #report(side: NetworkSide, surplus: Surplus): void {
    if (canBeShown(surplus)) this.ledger.counterexamples.push(undeclaredConnection(this.#world(), side, surplus));
    else this.#fail(surplusText(side, surplus));
  }

  /** Declared ends that are no workloads of the manifests: calls of those go their whole way elsewhere. */
  #checkMissing(side: NetworkSide, grant: Grant): void {
    const ends = this.#connections.endsOf([grant], side.direction);
    const missing = missingEnds(this.#index.mesh, side, { grant, ends });
    if (missing.kind === 'address')
      this.ledger.counterexamples.push(refusedConnection(this.#world(), side, { grant, address: missing.address }));
    if (missing.kind === 'end') {
      const name = grantName(grant, this.#intent.trustDomain);
      this.#fail(`${name} is declared, and no ${side.direction} rule of \`${side.own.name}\` admits it`);
    }
  }

  #world() {
    return { index: this.#index, profile: this.#options.profile };
  }

  #fail(note: string): void {
    this.ledger.failed = true;
    this.ledger.notes.add(note);
  }
}

function namespacesOf({ mesh }: MeshIndex, { grants }: Intent): readonly string[] {
  const declared = grants.flatMap(({ caller, callee }) => [
    ...(caller.kind === 'identity' ? [caller.namespace] : []),
    ...(callee.kind === 'workload' ? [callee.namespace] : []),
  ]);
  const known = [...mesh.namespaces.map(({ name }) => name), ...mesh.workloads.map(({ namespace }) => namespace)];
  return [...new Set([...known, ...declared])];
}
