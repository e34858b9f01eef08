/** The indexed evaluator: ports are prepared when they are first asked for, then decided without allocation. */
import type { Workload } from '../../language/mesh.ts';
import type { Request } from '../request.ts';
import type { Verdict } from '../verdict.ts';
import { findWorkload, type World } from '../world.ts';
import { Port } from './port.ts';

/** All ports of one workload. */
export class WorkloadPorts {
  readonly #world: World;
  readonly #workload: Workload;
  readonly #ports = new Map<number, Port>();

  constructor(world: World, workload: Workload) {
    this.#world = world;
    this.#workload = workload;
  }

  /** The prepared port of that number. */
  port(number: number): Port {
    let port = this.#ports.get(number);
    if (port === undefined) {
      port = new Port(this.#world, this.#workload, number);
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
  #last: Port | null = null;

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
