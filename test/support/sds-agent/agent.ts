/** The stand-in for SPIRE's agent and server: authorities, registrations, and one endpoint for each pod of the node. */
import { X509Certificate } from 'node:crypto';
import { type ClusterSpiffeId, type Pod, tryFindRegistered } from './registrations.ts';
import { SdsEndpoint, secretNames } from './sds-endpoint.ts';
import type { Secret } from './sds-messages.ts';
import { issuerOf } from './signing-authority.ts';
import { type Signer, SvidSource } from './svid.ts';
import { activate, beginTrust, bundleOf, prepare, retire, type TrustOptions, type TrustState } from './trust.ts';

/** What the agent is made of. */
export interface AgentOptions {
  readonly trustDomain: string;
  readonly socketFile: string;
  readonly trust: TrustOptions;
  /** Authorities of an earlier run. @default - new ones */
  readonly state?: TrustState;
  /** Read anew for each pod. */
  readonly registrations: () => readonly ClusterSpiffeId[];
  readonly log: (line: string) => void;
}

/** What one pod was given. */
export interface PodReport {
  readonly pod: Pod;
  readonly spiffeId: string | null;
  readonly serial: string | null;
  readonly issuer: string | null;
  readonly expiresAt: string | null;
  readonly streams: number;
  readonly isTaken: boolean;
}

interface Served {
  readonly pod: Pod;
  readonly spiffeId: string | null;
  readonly source: SvidSource | null;
  readonly endpoint: SdsEndpoint;
}

/** Serves the pods of one node. */
export class Agent {
  readonly #options: AgentOptions;
  readonly #served = new Map<string, Served>();
  #state: TrustState;
  #version = 0;

  private constructor(options: AgentOptions, state: TrustState) {
    this.#options = options;
    this.#state = state;
  }

  /** Starts with the authorities of an earlier run, or with new ones. */
  static async start(options: AgentOptions): Promise<Agent> {
    return new Agent(options, options.state ?? (await beginTrust(options.trust)));
  }

  /** The authorities, for the disk. */
  get state(): TrustState {
    return this.#state;
  }

  /** Opens the endpoint of one pod in `folder`; a second call for the same folder changes nothing. */
  async publish(pod: Pod, folder: string): Promise<void> {
    if (this.#served.has(folder)) return;
    const { trustDomain, socketFile, registrations, log } = this.#options;
    const registered = tryFindRegistered(registrations(), pod, trustDomain);
    const who = `${pod.namespace}/${pod.name}`;
    if (registered === undefined) log(`${who}: no registration for account ${pod.serviceAccount}`);
    const endpoint = new SdsEndpoint(
      () => this.#secretsOf(folder),
      (reason) => log(`${who}: refused: ${reason}`),
    );
    const source =
      registered === undefined
        ? null
        : new SvidSource(
            registered,
            () => this.#signer(),
            () => this.#changed(folder),
          );
    this.#served.set(folder, { pod, spiffeId: registered?.spiffeId ?? null, source, endpoint });
    await source?.renew();
    await endpoint.listen(folder, socketFile);
    log(`${who}: ${registered?.spiffeId ?? 'nothing'} in ${folder}`);
  }

  /** Closes the endpoint of one pod. */
  async withdraw(folder: string): Promise<void> {
    const served = this.#served.get(folder);
    if (served === undefined) return;
    this.#served.delete(folder);
    served.source?.close();
    await served.endpoint.close();
  }

  /** Makes the next authority trusted everywhere, signing nothing with it yet. */
  async prepareAuthority(): Promise<void> {
    this.#state = await prepare(this.#state, this.#options.trust);
    this.#pushAll();
  }

  /** Signs everything anew with the prepared authority. */
  async activateAuthority(): Promise<void> {
    this.#state = activate(this.#state);
    await Promise.all([...this.#served.values()].map(({ source }) => source?.renew()));
    this.#pushAll();
  }

  /** Takes earlier roots out of the bundle. */
  retireAuthorities(): void {
    this.#state = retire(this.#state);
    this.#pushAll();
  }

  /** What every pod was given, and whether its proxy took it. */
  report(): readonly PodReport[] {
    return [...this.#served.values()].map(({ pod, spiffeId, source, endpoint }) => {
      const svid = source?.current;
      return {
        pod,
        spiffeId,
        serial: svid?.credential.serial ?? null,
        issuer: svid === undefined ? null : new X509Certificate(svid.credential.certificate).issuer,
        expiresAt: svid === undefined ? null : new Date(svid.credential.expiresAt).toISOString(),
        ...endpoint.state,
      };
    });
  }

  /** Closes every endpoint. */
  async close(): Promise<void> {
    await Promise.all([...this.#served.keys()].map((folder) => this.withdraw(folder)));
  }

  async #signer(): Promise<Signer> {
    const { active } = this.#state;
    return { issuer: await issuerOf(active), chain: active.chain };
  }

  #changed(folder: string): void {
    this.#version += 1;
    this.#served.get(folder)?.endpoint.push();
  }

  #pushAll(): void {
    this.#version += 1;
    for (const { endpoint } of this.#served.values()) endpoint.push();
  }

  #secretsOf(folder: string): { readonly version: number; readonly secrets: readonly Secret[] } | null {
    const svid = this.#served.get(folder)?.source?.current;
    if (svid === undefined) return null;
    const { certificate, roots } = secretNames;
    const { privateKey } = svid.credential;
    return {
      version: this.#version,
      secrets: [
        { kind: 'certificate', name: certificate, chain: svid.chain, privateKey },
        { kind: 'roots', name: roots, bundle: bundleOf(this.#state) },
      ],
    };
  }
}
