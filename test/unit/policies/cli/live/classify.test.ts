import { describe, expect, test } from 'vitest';
import { type AccessEntry, indexLog, parseEntry } from '#policies/cli/live/access-log.ts';
import { type Cause, classify } from '#policies/cli/live/classify.ts';
import type { ProbeResult } from '#policies/probe/protocol.ts';

const quiet = {
  response_code: 0,
  response_flags: '-',
  response_code_details: '-',
  connection_termination_details: null,
  upstream_transport_failure_reason: null,
  upstream_cluster: '-',
  upstream_host: '-',
  upstream_local_address: '-',
  route_name: '-',
  request_id: '-',
  requested_server_name: '-',
  downstream_remote_address: '10.0.0.9:40000',
};

const entry = (fields: object): AccessEntry => {
  const parsed = parseEntry(JSON.stringify({ ...quiet, ...fields }));
  if (parsed === undefined) throw new Error('no entry');
  return parsed;
};

const answered = (http: number | null, more: object = {}): ProbeResult => ({
  kind: 'answered',
  http,
  grpc: null,
  headers: {},
  body: '',
  complete: true,
  ...more,
});

const failed = (stage: 'connect' | 'answer', code: string): ProbeResult => ({
  kind: 'failed',
  stage,
  code,
  message: 'nothing came',
});

interface Row {
  readonly name: string;
  readonly result: ProbeResult;
  readonly callee?: object;
  readonly caller?: object;
  readonly proxied?: false;
  readonly silent?: true;
  readonly malformed?: true;
  readonly cause: Cause;
  readonly policy?: string;
  readonly why: string;
}

const rows: readonly Row[] = [
  {
    name: 'the marker of the service',
    result: answered(200, { headers: { 'x-meshwright-probed': 'order' } }),
    cause: 'application',
    why: 'only the code of the service sets it',
  },
  {
    name: 'passed on by the callee without a marker',
    result: answered(404),
    callee: { response_code: 404, response_code_details: 'via_upstream', upstream_cluster: 'inbound|8080||' },
    cause: 'application',
    why: 'via_upstream: the answer is the program’s own',
  },
  {
    name: 'no ALLOW rule',
    result: answered(403, { headers: { 'grpc-message': 'RBAC: access denied' } }),
    callee: { response_code: 403, response_code_details: 'rbac_access_denied_matched_policy[none]' },
    cause: 'rbac',
    why: 'none: no ALLOW policy matched',
  },
  {
    name: 'a DENY rule, by name',
    result: answered(403),
    callee: { response_code_details: 'rbac_access_denied_matched_policy[ns[shop]-policy[closed]-rule[0]]' },
    cause: 'rbac',
    policy: 'shop/closed',
    why: 'the id in the details names the policy',
  },
  {
    name: 'RBAC on a TCP port',
    result: failed('answer', 'CLOSED'),
    callee: {
      connection_termination_details: 'rbac_access_denied_matched_policy[none]',
      upstream_cluster: 'inbound|5432||',
    },
    caller: { upstream_cluster: 'outbound|5432||postgres.data' },
    cause: 'rbac',
    why: 'on TCP the id stands in the termination details; the caller’s line alone looks like success',
  },
  {
    name: 'an expired token',
    result: answered(401, { headers: { 'grpc-message': 'Jwt is expired' } }),
    callee: { response_code: 401, response_code_details: 'jwt_authn_access_denied{Jwt_is_expired}' },
    cause: 'jwt',
    why: 'the filter that refused stands first in the details',
  },
  {
    name: 'a token for another audience, without a log',
    result: answered(403, { body: 'Audiences in Jwt are not allowed' }),
    silent: true,
    cause: 'jwt',
    why: 'a 403 that is not RBAC',
  },
  {
    name: 'RBAC without a log',
    result: answered(403, { headers: { 'grpc-message': 'RBAC: access denied' } }),
    silent: true,
    cause: 'rbac',
    why: 'the words of Envoy’s filter',
  },
  {
    name: 'plaintext into STRICT',
    result: failed('answer', 'ECONNRESET'),
    proxied: false,
    callee: { response_flags: 'NR', response_code_details: 'filter_chain_not_found' },
    cause: 'mtls',
    why: 'no filter chain of the inbound listener takes plaintext',
  },
  {
    name: 'a handshake that the caller’s proxy saw fail',
    result: answered(503),
    caller: {
      response_flags: 'UF,URX',
      upstream_cluster: 'outbound|50051||cart.shop',
      upstream_transport_failure_reason:
        'TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end',
    },
    cause: 'mtls',
    why: 'the transport failed, not the network',
  },
  {
    name: 'a host outside the registry, over HTTP',
    result: answered(502),
    caller: { response_code: 502, route_name: 'block_all', response_code_details: 'direct_response' },
    cause: 'egress',
    why: 'block_all is the route of REGISTRY_ONLY',
  },
  {
    name: 'a host outside the registry, as bytes',
    result: failed('answer', 'CLOSED'),
    caller: { response_flags: 'UH', upstream_cluster: 'BlackHoleCluster' },
    cause: 'egress',
    why: 'the cluster of REGISTRY_ONLY for TCP',
  },
  {
    name: 'a connection that the network dropped',
    result: answered(503),
    caller: {
      response_flags: 'UF,URX',
      response_code_details: 'upstream_reset_before_response_started{connection_timeout}',
      upstream_cluster: 'outbound|50051||cart.shop',
      upstream_host: '10.0.0.7:50051',
    },
    cause: 'network-policy',
    why: 'the pod is there and no connection came about',
  },
  {
    name: 'a route that ended before the connection could',
    result: answered(504),
    caller: {
      response_flags: 'UT',
      response_code_details: 'response_timeout',
      upstream_cluster: 'outbound|50051||cart.shop',
      upstream_host: '10.0.0.7:50051',
    },
    cause: 'network-policy',
    why: 'nothing of it arrived at the callee, whose proxy logs everything that does',
  },
  {
    name: 'the same, and the callee writes no log',
    result: answered(504),
    caller: {
      response_flags: 'UT',
      response_code_details: 'response_timeout',
      upstream_cluster: 'outbound|50051||cart.shop',
    },
    silent: true,
    cause: 'unclear',
    why: 'the callee may have been slow: silence proves nothing',
  },
  {
    name: 'a pod that plaintext cannot connect to',
    result: failed('connect', 'TIMEOUT'),
    proxied: false,
    cause: 'network-policy',
    why: 'packets are dropped',
  },
  {
    name: 'the same from behind a proxy, on a port that it does not intercept',
    result: failed('connect', 'TIMEOUT'),
    cause: 'network-policy',
    why: 'a proxy takes every connection that it intercepts at once',
  },
  {
    name: 'a connection that the caller’s proxy closed without a line',
    result: failed('answer', 'ECONNRESET'),
    cause: 'egress',
    why: 'the ports of the proxy itself are a trap that writes no log; nothing arrived at the callee',
  },
  {
    name: 'the same, and the callee writes no log',
    result: failed('answer', 'ECONNRESET'),
    silent: true,
    cause: 'unclear',
    why: 'either end may have closed it',
  },
  {
    name: 'a port where nothing listens',
    result: failed('connect', 'ECONNREFUSED'),
    proxied: false,
    cause: 'unclear',
    why: 'a refusal may come from the host as well as from a firewall that rejects',
  },
  {
    name: 'a path without its slash, reset by the proxy',
    result: { kind: 'streamReset', code: 1 },
    cause: 'codec',
    why: 'the codec ends the one stream',
  },
  {
    name: 'a path without its slash, and the connection ended without a line',
    result: failed('answer', 'CLOSED'),
    malformed: true,
    cause: 'codec',
    why: 'the request breaks the protocol, whatever else stands before it',
  },
  {
    name: 'a path with a NUL',
    result: answered(400),
    callee: { response_code: 400, response_code_details: 'path_normalization_failed' },
    cause: 'codec',
    why: 'normalization comes before every policy',
  },
  {
    name: 'a 503 of nobody knows whom',
    result: answered(503),
    silent: true,
    cause: 'unclear',
    why: 'no endpoint, an overflow and a crash look the same',
  },
];

describe('the cause of an answer', () => {
  test.for(rows)('$name: $cause', ({ result, callee, caller, proxied, silent, malformed, cause, policy, why }) => {
    const outcome = {
      id: '1',
      result,
      localAddress: '10.0.0.9',
      localPort: 40000,
      remoteAddress: '10.0.0.7',
      startedAtMs: 0,
      elapsedMs: 1,
    };
    const found = classify({
      outcome,
      callee: callee === undefined ? null : entry(callee),
      caller: caller === undefined ? null : entry(caller),
      callerProxied: proxied ?? true,
      calleeLogs: silent === undefined,
      malformed: malformed === true,
    });
    expect(found, why).toMatchObject({ cause, policy: policy ?? null });
    expect(found.because).not.toBe('');
  });
});

describe('an access log', () => {
  const id = '3f2b8e10-1c1d-4e5f-8a9b-0c1d2e3f4a5b';
  const marked = '3f2b8e10-1c1d-9e5f-8a9b-0c1d2e3f4a5b';

  test('is found by request id, whatever reason for tracing a proxy wrote into it', () => {
    const log = indexLog(JSON.stringify({ ...quiet, request_id: marked, upstream_cluster: 'inbound|50051||' }));
    expect(log.byRequest(id, 'inbound')?.requestId).toBe(marked);
    expect(log.byRequest(id, 'outbound')).toBeUndefined();
  });

  test('is found by the address of the peer', () => {
    const log = indexLog(JSON.stringify({ ...quiet, upstream_cluster: 'BlackHoleCluster' }));
    expect(log.byPeer({ from: '10.0.0.9:40000', to: null, atMs: 0 }, 'outbound')?.cluster).toBe('BlackHoleCluster');
  });

  test.for([
    [null, 0, 'first'],
    [null, 70_000, 'second'],
    [null, 900_000, 'second'],
    ['10.96.0.1:50051', 70_000, 'first'],
    ['10.96.0.2:50052', 0, 'second'],
    ['10.96.0.3:50053', 0, undefined],
  ] as const)('tells two connections of one port apart: to %s at %d ms is the %s', ([to, atMs, route]) => {
    const lines = [
      { route_name: 'first', start_time: '1970-01-01T00:00:01.000Z', downstream_local_address: '10.96.0.1:50051' },
      { route_name: 'second', start_time: '1970-01-01T00:01:10.000Z', downstream_local_address: '10.96.0.2:50052' },
    ].map((fields) => JSON.stringify({ ...quiet, ...fields }));
    for (const log of [indexLog(lines.join('\n')), indexLog(lines.toReversed().join('\n'))])
      expect(log.byPeer({ from: '10.0.0.9:40000', to, atMs }, 'outbound')?.route).toBe(route);
  });

  test('passes over lines of other kinds', () => {
    expect(
      indexLog('2026-01-01 warning envoy\n{"level":"info"}\n{broken').byPeer(
        { from: '', to: null, atMs: 0 },
        'inbound',
      ),
    ).toBeUndefined();
  });

  test.for([
    ['a mesh name of the server', { requested_server_name: 'outbound_.50051_._.cart.shop' }, 'inbound'],
    ['no filter chain', { response_code_details: 'filter_chain_not_found' }, 'inbound'],
    ['an inbound cluster', { upstream_cluster: 'inbound|50051||' }, 'inbound'],
    ['an outbound cluster', { upstream_cluster: 'outbound|50051||cart' }, 'outbound'],
    ['nothing at all', {}, 'outbound'],
  ] as const)('knows the direction by %s', ([, fields, direction]) => {
    expect(entry(fields).direction).toBe(direction);
  });
});
