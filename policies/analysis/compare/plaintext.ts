/** Plaintext calls to one port that its handshake does not refuse. */
import { toAnswer } from '../answer.ts';
import type { Listener } from '../listener.ts';
import { decideNaively } from '../naive.ts';
import { parseRequest } from '../parse-request.ts';
import type { Counterexample } from './counterexample.ts';
import type { Grant } from './intent.ts';
import { areNetworkOnly } from './network-only.ts';
import type { Place } from './site-check.ts';

/** Plaintext must not get past the handshake, whatever the rules say of it. Gateways answer whom they are there for. */
export function plaintextCounterexamples(place: Place, listener: Listener): readonly Counterexample[] {
  if (listener.kind === 'gateway' || (listener.kind !== 'unguarded' && listener.mode === 'STRICT')) return [];
  if (areNetworkOnly(place.grants, listener)) return [];
  const { workload, port } = place;
  const mode = listener.kind === 'unguarded' ? listener.because : `mode ${listener.mode}`;
  return plaintextCalls(place).map(({ request, grant }) => {
    const parsed = parseRequest(request);
    if (!parsed.ok) throw new Error('a plaintext call is no request');
    const http = request.http === null ? `tcp ${port}` : `${request.http.method} ${request.http.path}`;
    return {
      cell: `plaintext -> ${workload.name} ${http}`,
      request: { ...request },
      expected: 'deny by peer-authentication',
      decided: toAnswer(parsed.value, decideNaively(place.world, parsed.value)),
      differsIn: ['peer'],
      grant,
      change: `PeerAuthentication of \`${workload.namespace}/${workload.name}\` port ${port}: ${mode}, expected STRICT`,
    };
  });
}

interface PlaintextCall {
  readonly request: { readonly http: Grant['http']; readonly [member: string]: unknown };
  readonly grant: Grant | null;
}

function plaintextCalls({ workload, port, grants }: Place): readonly PlaintextCall[] {
  const destination = { namespace: workload.namespace, workload: workload.name, port };
  const of = (http: Grant['http'], grant: Grant | null): PlaintextCall => ({
    request: { id: 'plaintext', source: { principal: null }, destination, http },
    grant,
  });
  if (grants.length === 0) return [of({ method: 'GET', path: '/' }, null)];
  return grants.map((grant) => of(grant.http, grant));
}
