import { describe, expect, test } from 'vitest';
import { parseRequest } from '#policies/analysis/index.ts';

const destination = { namespace: 'a', workload: 'x', port: 80 };

describe('parseRequest', () => {
  test('members left out take their defaults', () => {
    expect(parseRequest({ destination, source: { ip: '10.0.0.1' } })).toEqual({
      ok: true,
      value: {
        id: '',
        caller: { kind: 'plaintext' },
        sourceIp: [0x0a000001],
        remoteIp: [0x0a000001],
        destination: { ...destination, ip: null },
        http: null,
        token: null,
        sni: '',
      },
    });
  });

  test('header names become lower case and repeated names join their lines', () => {
    const request = parseRequest({
      destination,
      http: { method: 'GET', path: '/', headers: { 'X-A': ['1'], 'x-a': '2' } },
    });
    expect(request.ok && [...(request.value.http?.headers ?? [])]).toEqual([['x-a', ['1', '2']]]);
  });

  test('a list of principals is several SANs of one certificate', () => {
    const request = parseRequest({ destination, source: { principal: ['spiffe://td/a', 'spiffe://td/b'] } });
    expect(request.ok && request.value.caller).toEqual({
      kind: 'mtls',
      identities: ['spiffe://td/a', 'spiffe://td/b'],
    });
  });

  test('DNS SANs and the subject belong to a certificate, with URI SANs or without', () => {
    const source = { dnsNames: ['x.a.svc'], subject: 'CN=x' };
    const names = ['x.a.svc', 'CN=x'];
    const alone = parseRequest({ destination, source });
    expect(alone.ok && alone.value.caller).toEqual({ kind: 'mtls', identities: [], names });
    const beside = parseRequest({ destination, source: { ...source, principal: 'spiffe://td/a' } });
    expect(beside.ok && beside.value.caller).toEqual({ kind: 'mtls', identities: ['spiffe://td/a'], names });
  });

  const rows = [
    {
      json: { destination, source: { dnsNames: ['d'], workload: { namespace: 'a', name: 'y' } } },
      codes: ['request/caller'],
    },
    { json: { destination, source: { dnsNames: 'd' } }, codes: ['request/type'] },
    { json: { destination, pods: [{ namespace: 'a', name: 'p', sidecar: 'on' }] }, codes: ['request/type'] },
    { json: 7, codes: ['request/missing', 'request/type'] },
    { json: {}, codes: ['request/missing'] },
    { json: { destination: { ...destination, port: 65_536 } }, codes: ['request/port'] },
    { json: { destination, source: { ip: '10.0.0' } }, codes: ['request/address'] },
    {
      json: { destination, source: { principal: 'p', workload: { namespace: 'a', name: 'y' } } },
      codes: ['request/caller'],
    },
    { json: { destination, source: { workload: { namespace: 'a' } } }, codes: ['request/missing'] },
    { json: { destination, http: { method: 'GET' } }, codes: ['request/missing'] },
    { json: { destination, jwt: { claims: {}, invalid: 'late' } }, codes: ['request/type'] },
    { json: { destination, jwt: { claim: {} } }, codes: ['request/unknown-member'] },
    {
      json: { destination: { ...destination, port: '80' }, source: { ip: 'x' } },
      codes: ['request/address', 'request/port'],
    },
  ];
  test.for(rows)('$json is refused with $codes', ({ json, codes }) => {
    const request = parseRequest(json);
    expect([...new Set(request.ok ? [] : request.problems.map(({ code }) => code))].toSorted()).toEqual(codes);
  });
});
