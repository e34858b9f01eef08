import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ipv6, ipv6Here } from './addresses.ts';
import { type ApiServer, startApiServer } from './api-server.ts';
import type { Binaries } from './binaries.ts';
import { ControlPlane } from './control-plane.ts';
import { CertificateAuthority } from './credentials.ts';
import { type Driver, drive, type Probe } from './drive.ts';
import { Envoy } from './envoy.ts';
import type { KubernetesObject } from './kubernetes-client.ts';
import { type EnvoyJson, ListenerSource } from './listener-source.ts';
import { type Observation, observe } from './observation.ts';
import { Processes } from './processes.ts';
import { Providers } from './provider.ts';
import { type ServedAt, servedListener } from './served-listener.ts';

/** A listener of istiod and where requests find it. */
export interface Placed {
  readonly listener: EnvoyJson;
  readonly ip: string;
  readonly ports: readonly number[];
}

/** The running parts: API server, istiod, and an Envoy whenever requests are sent. */
export class Laboratory {
  readonly binaries: Binaries;
  readonly server: ApiServer;
  readonly plane: ControlPlane;
  readonly listeners: ListenerSource;
  readonly authority: CertificateAuthority;
  readonly providers: Providers;
  readonly ipv6: Ipv6;
  readonly #processes: Processes;
  #rounds = 0;

  private constructor(
    parts: Pick<Laboratory, 'binaries' | 'server' | 'plane' | 'listeners' | 'authority' | 'providers' | 'ipv6'>,
    processes: Processes,
  ) {
    this.binaries = parts.binaries;
    this.server = parts.server;
    this.plane = parts.plane;
    this.listeners = parts.listeners;
    this.authority = parts.authority;
    this.providers = parts.providers;
    this.ipv6 = parts.ipv6;
    this.#processes = processes;
  }

  /** Runs `body` with everything started; all processes have ended and their files are gone when it returns. */
  static async use<T>(binaries: Binaries, cache: string, body: (laboratory: Laboratory) => Promise<T>): Promise<T> {
    const folder = mkdtempSync(join(tmpdir(), 'meshwright-envoy-'));
    const processes = new Processes(folder);
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const providers = await Providers.start(folder);
    try {
      mkdirSync(cache, { recursive: true });
      const server = await startApiServer(binaries, processes);
      const plane = await ControlPlane.start(binaries, processes, server);
      const listeners = await ListenerSource.start(binaries, processes, { cache, discovery: plane.discovery });
      const authority = await CertificateAuthority.create();
      return await body(
        new Laboratory({ binaries, server, plane, listeners, authority, providers, ipv6: await ipv6Here() }, processes),
      );
    } finally {
      providers.stop();
      await processes.stopAll();
    }
  }

  /** Where files of this run may lie; gone when it ends. */
  get folder(): string {
    return this.#processes.folder;
  }

  /** The inbound listener of a pod. */
  fetch(pod: KubernetesObject, ip: string): Promise<EnvoyJson> {
    return this.listeners.fetch(pod, ip);
  }

  /** Starts one Envoy with listeners that are made once it is known where its files lie; whoever starts it stops it. */
  async startEnvoy(
    trustDomain: string,
    clusters: readonly EnvoyJson[],
    listeners: (files: Pick<ServedAt, 'accessLog' | 'secretFile'>) => readonly EnvoyJson[],
  ): Promise<Envoy> {
    this.#rounds += 1;
    const folder = join(this.#processes.folder, `envoy-${this.#rounds}`);
    mkdirSync(folder);
    const secretFile = await this.authority.writeSecrets(folder, `spiffe://${trustDomain}/ns/server/sa/server`);
    return Envoy.start(this.binaries, this.#processes, {
      folder,
      clusters,
      listeners: (accessLog) => listeners({ accessLog, secretFile }),
    });
  }

  /** Serves the listeners with one Envoy, sends the probes, and reads what came of each; null where it was not sent. */
  async observe(
    placed: readonly Placed[],
    driver: Omit<Driver, 'authority'>,
    probes: readonly Probe[],
    trustDomain: string,
  ): Promise<readonly (Observation | null)[]> {
    const envoy = await this.startEnvoy(trustDomain, this.providers.clusters, (files) =>
      placed.map(({ listener, ip, ports }) => servedListener(listener, { name: `inbound ${ip}`, ip, ports, ...files })),
    );
    const seen = await drive({ ...driver, authority: this.authority }, probes);
    const records = await envoy.stop();
    return probes.map(({ request }, index) => observe(request, seen[index] ?? { kind: 'silent' }, records));
  }
}
