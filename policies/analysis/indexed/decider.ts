/** The indexed evaluator: ports are prepared when they are first asked for, then decided without allocation. */
import type { Workload } from '../../language/mesh.ts';
import { isAmbient } from '../ambient/capture.ts';
import type { Request } from '../request.ts';
import type { Verdict } from '../verdict.ts';
import { findWorkload, type World } from '../world.ts';
import { AmbientPort } from './ambient-port.ts';
import { newGatewayPort } from './gateway-port.ts';

/** One port, prepared. */
export interface DecidingPort {
  /** True iff this is the port of that number of that workload. */
  is(namespace: string, workload: string, port: number): boolean;
  /** Decides through every layer. */
  decide(request: Request): Verdict;
  /** Decides what the proxies alone decide: no NetworkPolicy, no egress of the caller. */
  decideAtProxy(request: Request): Verdict;
}

/** All ports of one workload. */
export class WorkloadPorts {
  readonly #world: World;
  readonly #workload: Workload;
  readonly #ports = new Map<number, DecidingPort>();

  constructor(world: World, workload: Workload) {
    this.#world = world;
    this.#workload = workload;
  }

  /** The prepared port of that number. */
  port(number: number): DecidingPort {
    let port = this.#ports.get(number);
    if (port === undefined) {
      port = isAmbient(this.#world.mesh, this.#workload)
        ? new AmbientPort(this.#world, this.#workload, number)
        : newGatewayPort(this.#world, this.#workload, number);
      this.#ports.set(number, port);
    }
    return port;
  }
}

/** Decides requests to every workload of a mesh. */
export class IndexedDecider {
  readonly #world: World;
  readonly #namespaces = new Map<string, Map<string, WorkloadPorts>>();
  /** The port asked last: requests to one port come in a row. */
  #last: DecidingPort | null = null;

  constructor(world: World) {
    this.#world = world;
  }

  /** Decides one request through all layers; throws when the mesh has no such workload. */
  decide(request: Request): Verdict {
    const { namespace, workload, port } = request.destination;
    let last = this.#last;
    if (last === null || !last.is(namespace, workload, port)) {
      last = this.ports(namespace, workload).port(port);
      this.#last = last;
    }
    return last.decide(request);
  }

  /** The ports of one workload; throws when the mesh has no such workload. */
  ports(namespace: string, workload: string): WorkloadPorts {
    const known = this.#namespaces.get(namespace)?.get(workload);
    if (known !== undefined) return known;
    const ports = new WorkloadPorts(this.#world, findWorkload(this.#world.mesh, { namespace, workload }));
    const workloads = this.#namespaces.get(namespace) ?? new Map<string, WorkloadPorts>();
    this.#namespaces.set(namespace, workloads.set(workload, ports));
    return ports;
  }
}
