import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authority, createAuthority } from '#infra/local/authority.ts';
import { type Rotation, rotateIdentities } from '#infra/local/identity-files.ts';
import type { ProbeIdentity, ProbeTarget } from '#infra/local/probe.ts';
import { type Program, startProgram } from '#infra/local/program.ts';
import type { Enforcement, SidecarConfiguration } from '#infra/local/sidecar-configuration.ts';
import { ownAddress } from '../../../../support/own-address.ts';

const here = new URL('.', import.meta.url).pathname;
const sidecarScript = new URL('../../../../../infra/local/sidecar.ts', import.meta.url).pathname;

/** Two workloads with a sidecar process each and an echo server behind beta's. */
export interface SliceMesh {
  readonly folder: string;
  readonly address: string;
  readonly authority: Authority;
  /** alpha's socket for beta. */
  readonly upstream: string;
  readonly target: ProbeTarget;
  readonly alpha: Program;
  readonly beta: Program;
  svid(
    workload: string,
    options?: { trustDomain?: string; issuedAt?: number; authority?: Authority },
  ): Promise<ProbeIdentity>;
  logOf(workload: 'alpha' | 'beta'): string;
  stop(): Promise<void>;
}

/** How a slice differs from the ordinary one. */
export interface SliceOptions {
  readonly lifetimeMs?: number;
  readonly enforcement?: Enforcement;
  /** Changes the manifests. @default - as they stand */
  readonly edit?: (yaml: string) => string;
  /** Hosts that alpha's sidecar offers besides beta. */
  readonly extraUpstream?: { readonly host: string; readonly port: number };
}

/** Starts the slice at an address of its own, so that test files do not meet. */
export async function startSlice(options: SliceOptions = {}): Promise<SliceMesh> {
  const address = ownAddress();
  const folder = mkdtempSync(join(tmpdir(), 'mw-slice-'));
  mkdirSync(join(folder, 'manifests'));
  const yaml = readFileSync(join(here, 'manifests.yaml'), 'utf8');
  writeFileSync(join(folder, 'manifests', 'slice.yaml'), options.edit?.(yaml) ?? yaml);
  const authority = await createAuthority('trading.local');
  const lifetimeMs = options.lifetimeMs ?? 600_000;
  const folders = new Map(
    ['alpha', 'beta'].map((name) => [`spiffe://trading.local/ns/slice/sa/${name}`, join(folder, name, 'identity')]),
  );
  const rotation = await rotateIdentities({
    authority,
    lifetimeMs,
    folders,
    onError: (error) => process.emitWarning(String(error)),
  });
  const programs: Program[] = [];
  try {
    programs.push(await startEcho(folder));
    programs.push(
      await startSidecar(folder, {
        ...common(folder, 'beta', address),
        enforcement: options.enforcement ?? 'policies',
        inbound: [{ port: 50152, application: join(folder, 'echo.sock') }],
      }),
    );
    const beta = { host: 'beta.slice.svc.cluster.local', port: 50152, socket: join(folder, 'to-beta.sock') };
    const extra =
      options.extraUpstream === undefined ? [] : [{ ...options.extraUpstream, socket: join(folder, 'to-extra.sock') }];
    programs.push(await startSidecar(folder, { ...common(folder, 'alpha', address), outbound: [beta, ...extra] }));
  } catch (error) {
    await stopAll(folder, programs, rotation);
    throw error;
  }
  const [, beta, alpha] = programs as [Program, Program, Program];
  const logOf = (workload: string) => join(folder, workload, 'access.log');
  return {
    folder,
    address,
    authority,
    alpha,
    beta,
    upstream: join(folder, 'to-beta.sock'),
    target: { address, port: 50152, host: 'beta.slice.svc.cluster.local', accessLog: logOf('beta') },
    logOf,
    async svid(workload, { trustDomain = 'trading.local', issuedAt, authority: issuer = authority } = {}) {
      const spiffeId = `spiffe://${trustDomain}/ns/slice/sa/${workload}`;
      const leaf = await issuer.issue({
        spiffeId,
        lifetimeMs: 600_000,
        ...(issuedAt === undefined ? {} : { issuedAt }),
      });
      return { kind: 'svid', certificate: leaf.certificate, privateKey: leaf.privateKey, bundle: authority.bundle };
    },
    stop: () => stopAll(folder, programs, rotation),
  };
}

function common(folder: string, name: string, address: string): SidecarConfiguration {
  return {
    workload: { namespace: 'slice', name },
    manifests: join(folder, 'manifests'),
    identity: join(folder, name, 'identity'),
    address,
    inbound: [],
    outbound: [],
    accessLog: join(folder, name, 'access.log'),
    admin: join(folder, name, 'admin.sock'),
    collector: join(folder, 'collector.sock'),
    edge: null,
    enforcement: 'policies',
  };
}

function startSidecar(folder: string, configuration: SidecarConfiguration): Promise<Program> {
  const file = join(folder, configuration.workload.name, 'sidecar.json');
  writeFileSync(file, JSON.stringify(configuration));
  return start(folder, configuration.workload.name, { script: sidecarScript, args: [file] });
}

function startEcho(folder: string): Promise<Program> {
  return start(folder, 'echo', { script: join(here, 'echo-program.ts'), args: [join(folder, 'echo.sock')] });
}

function start(
  folder: string,
  name: string,
  program: { readonly script: string; readonly args: readonly string[] },
): Promise<Program> {
  return startProgram({
    name,
    ...program,
    env: {},
    heapMb: 64,
    logFile: join(folder, `${name}.log`),
    compileCache: join(tmpdir(), 'mw-compile-cache'),
    readiness: 'line',
  });
}

async function stopAll(folder: string, programs: readonly Program[], rotation: Rotation): Promise<void> {
  rotation.stop();
  await Promise.all(programs.map((program) => program.stop()));
  rmSync(folder, { recursive: true, force: true });
}
