import { afterEach, describe, expect, test } from 'vitest';
import { type ProbeAnswer, type ProbeIdentity, probe } from '#infra/local/probe.ts';
import { type SliceMesh, startSlice } from './slice/slice-mesh.ts';

let mesh: SliceMesh | undefined;
afterEach(async () => mesh?.stop());

const call = (running: SliceMesh, identity: ProbeIdentity): Promise<ProbeAnswer> =>
  probe({ target: running.target, identity, method: 'POST', path: '/slice.Echo/Say', protocol: 'grpc' });

describe('a sidecar that does not enforce is seen by the probes', () => {
  test('without enforcement even plaintext gets in', async () => {
    mesh = await startSlice('127.0.0.75', { enforcement: 'nothing' });
    expect(await call(mesh, { kind: 'plaintext' })).toMatchObject({ grpc: 0, layer: 'none' });
    const foreign = await mesh.svid('alpha', { trustDomain: 'evil.local' });
    expect(await call(mesh, foreign)).toMatchObject({ grpc: 0, layer: 'none' });
  });

  test('with `allow` for the decision a stranger gets in, plaintext does not', async () => {
    mesh = await startSlice('127.0.0.75', { enforcement: 'alwaysAllows' });
    expect(await call(mesh, await mesh.svid('mallory'))).toMatchObject({ grpc: 0, layer: 'none' });
    expect(await call(mesh, { kind: 'plaintext' })).toMatchObject({ kind: 'refused', layer: 'peer-authentication' });
  });
});
