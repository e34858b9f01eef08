import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority } from '#infra/local/authority.ts';
import { type ProbeAnswer, type ProbeIdentity, probe } from '#infra/local/probe.ts';
import { type SliceMesh, startSlice } from './slice/slice-mesh.ts';

let mesh: SliceMesh;
beforeAll(async () => {
  mesh = await startSlice();
});
afterAll(async () => mesh?.stop());

const call = (identity: ProbeIdentity, path: string): Promise<ProbeAnswer> =>
  probe({ target: mesh.target, identity, method: 'POST', path, protocol: 'grpc' });

describe('a sidecar under one grant', () => {
  test('the granted call reaches the service', async () => {
    const answer = await call(await mesh.svid('alpha'), '/slice.Echo/Say');
    expect(answer).toMatchObject({ kind: 'answered', grpc: 0, layer: 'none' });
  });

  const denied = [
    { name: 'another method of the same service', path: '/slice.Echo/Other' },
    { name: 'an unknown method', path: '/slice.Echo/Unknown' },
    { name: 'reflection', path: '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo' },
    { name: 'health', path: '/grpc.health.v1.Health/Check' },
    { name: 'a granted path with a doubled slash', path: '//slice.Echo/Say' },
  ];
  test.for(denied)('$name is denied by policy, without a reason for the caller', async ({ path }) => {
    const answer = await call(await mesh.svid('alpha'), path);
    expect(answer).toMatchObject({ kind: 'answered', http: 200, grpc: 7, layer: 'authorization-policy', probed: null });
    expect(answer.because).toContain('ALLOW policies apply');
  });

  test('another caller is denied by policy', async () => {
    expect(await call(await mesh.svid('mallory'), '/slice.Echo/Say')).toMatchObject({
      grpc: 7,
      layer: 'authorization-policy',
    });
  });

  test('plaintext gets a reset before any policy', async () => {
    const answer = await call({ kind: 'plaintext' }, '/slice.Echo/Say');
    expect(answer).toMatchObject({ kind: 'refused', grpc: 14, layer: 'peer-authentication' });
    expect(answer.because).toContain('plaintext refused');
  });

  test('the right name in a foreign trust domain of the same authority is refused', async () => {
    const answer = await call(await mesh.svid('alpha', { trustDomain: 'evil.local' }), '/slice.Echo/Say');
    expect(answer).toMatchObject({ kind: 'refused', grpc: 14, layer: 'peer-authentication' });
    expect(answer.because).toContain('foreign trust domain');
  });

  test('an expired certificate is refused', async () => {
    const identity = await mesh.svid('alpha', { issuedAt: Date.now() - 3_600_000 });
    expect(await call(identity, '/slice.Echo/Say')).toMatchObject({
      kind: 'refused',
      grpc: 14,
      layer: 'peer-authentication',
    });
  });

  test('the right name of a foreign authority is refused', async () => {
    const identity = await mesh.svid('alpha', { authority: await createAuthority('trading.local') });
    expect(await call(identity, '/slice.Echo/Say')).toMatchObject({
      kind: 'refused',
      grpc: 14,
      layer: 'peer-authentication',
    });
  });

  test('a path without its leading slash is refused by the codec', async () => {
    const answer = await call(await mesh.svid('alpha'), 'slice.Echo/Say');
    expect(answer).toMatchObject({ kind: 'reset', http: null, probed: null });
  });
});
