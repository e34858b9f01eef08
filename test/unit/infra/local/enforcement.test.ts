import { afterEach, describe, expect, test } from 'vitest';
import { type ProbeAnswer, type ProbeIdentity, probe } from '#infra/local/probe.ts';
import { type SliceMesh, startSlice } from './slice/slice-mesh.ts';

let mesh: SliceMesh | undefined;
afterEach(async () => mesh?.stop());

const call = (running: SliceMesh, identity: ProbeIdentity): Promise<ProbeAnswer> =>
  probe({ target: running.target, identity, method: 'POST', path: '/slice.Echo/Say', protocol: 'grpc' });

const inMode = (mode: string) => (yaml: string) => yaml.replace('mode: STRICT', `mode: ${mode}`);

describe('the mode of PeerAuthentication', () => {
  test('PERMISSIVE lets plaintext through to the policies, which deny it for want of an identity', async () => {
    mesh = await startSlice({ edit: inMode('PERMISSIVE') });
    expect(await call(mesh, { kind: 'plaintext' })).toMatchObject({ grpc: 7, layer: 'authorization-policy' });
    expect(await call(mesh, await mesh.svid('alpha'))).toMatchObject({ grpc: 0, layer: 'none' });
  });

  test('DISABLE takes no TLS', async () => {
    mesh = await startSlice({ edit: inMode('DISABLE') });
    expect(await call(mesh, { kind: 'plaintext' })).toMatchObject({ grpc: 7, layer: 'authorization-policy' });
    expect(await call(mesh, await mesh.svid('alpha'))).toMatchObject({ kind: 'refused', grpc: 14 });
  });
});

describe('a sidecar that does not enforce is seen by the probes', () => {
  test('without enforcement even plaintext gets in', async () => {
    mesh = await startSlice({ enforcement: 'nothing' });
    expect(await call(mesh, { kind: 'plaintext' })).toMatchObject({ grpc: 0, layer: 'none' });
    const foreign = await mesh.svid('alpha', { trustDomain: 'evil.local' });
    expect(await call(mesh, foreign)).toMatchObject({ grpc: 0, layer: 'none' });
  });

  test('with `allow` for the decision a stranger gets in, plaintext does not', async () => {
    mesh = await startSlice({ enforcement: 'alwaysAllows' });
    expect(await call(mesh, await mesh.svid('mallory'))).toMatchObject({ grpc: 0, layer: 'none' });
    expect(await call(mesh, { kind: 'plaintext' })).toMatchObject({ kind: 'refused', layer: 'peer-authentication' });
  });
});
