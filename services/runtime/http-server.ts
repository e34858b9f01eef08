import type { Address } from './address.ts';
import type { Health } from './health.ts';
import type { HttpServiceParts } from './http-contract.ts';
import type { ServingEnvironment } from './open-call.ts';

export class HttpServer {
  constructor(_parts: HttpServiceParts, _health: Health, _environment: ServingEnvironment) {}
  async listen(address: Address): Promise<Address> {
    return address;
  }
  endStreams(): void {}
  async shutdown(_timeoutMs: number): Promise<void> {}
}
