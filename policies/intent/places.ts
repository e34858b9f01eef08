/** Every place of the catalog that can be called, under one key that calls and admissions share. */
import type {
  CallDeclaration,
  Contract,
  MethodReference,
  Route,
  ServiceDeclaration,
} from '../../services/runtime/declaration.ts';
import type { Admission } from './admission.ts';
import type { Grant } from './grant.ts';

/** A declared or admitted target within its callee, as one comparable key. */
export interface Place {
  readonly callee: string;
  readonly port: number;
  readonly key: string;
  readonly protocol: Grant['protocol'];
  readonly http: Grant['http'];
  readonly method?: MethodReference;
}

const placeOfMethod = (callee: string, port: number, method: MethodReference): Place => ({
  callee,
  port,
  key: `${callee} ${method.path}`,
  protocol: 'grpc',
  http: { method: 'POST', path: method.path },
  method,
});

const placeOfRoute = (callee: string, port: number, route: Route): Place => ({
  callee,
  port,
  key: `${callee} ${route.method} ${route.path}`,
  protocol: 'http',
  http: { method: route.method, path: route.path },
  ...(route.fronts === undefined ? {} : { method: route.fronts }),
});

function placesOf(callee: string, contract: Contract): readonly Place[] {
  switch (contract.kind) {
    case 'grpc':
      return contract.services
        .flatMap((service) => Object.values(service.methods))
        .map((method) => placeOfMethod(callee, contract.port, method));
    case 'http':
      return contract.routes.map((route) => placeOfRoute(callee, contract.port, route));
    case 'tcp':
      return [{ callee, port: contract.port, key: `${callee} :${contract.port}`, protocol: 'tcp', http: null }];
    default:
      return unreachable(contract);
  }
}

function unreachable(value: never): never {
  throw new Error(`unexpected declaration: ${JSON.stringify(value)}`);
}

/** Every place of the catalog by its key, and the callees of each gRPC method by its path. */
export class Contracts {
  readonly places = new Map<string, Place>();
  readonly calleeOfMethod = new Map<string, string>();

  constructor(catalog: readonly ServiceDeclaration[]) {
    for (const service of catalog) {
      for (const place of service.contracts.flatMap((contract) => placesOf(service.name, contract))) {
        this.places.set(place.key, place);
        if (place.protocol === 'grpc' && place.http !== null) this.calleeOfMethod.set(place.http.path, place.callee);
      }
    }
  }

  /** The key of what a call goes to; it is a key of `places` iff the catalog holds such a place. */
  keyOfCall(call: CallDeclaration): string {
    const { target } = call;
    switch (target.kind) {
      case 'method':
        return `${this.calleeOfMethod.get(target.method.path) ?? '(nobody)'} ${target.method.path}`;
      case 'route':
        return `${target.callee} ${target.route.method} ${target.route.path}`;
      case 'port':
        return `${target.callee} :${target.port}`;
      case 'external':
        return `external ${target.host}:${target.port}`;
      default:
        return unreachable(target);
    }
  }

  /** The key of what an admission opens. */
  keyOfAdmission({ callee, target }: Admission): string {
    switch (target.kind) {
      case 'method':
        return `${callee} ${target.method.path}`;
      case 'route':
        return `${callee} ${target.route.method} ${target.route.path}`;
      case 'port':
        return `${callee} :${target.port}`;
      default:
        return unreachable(target);
    }
  }
}
