/** One stand-in with a kubelet's folders, and a proxy's side of its sockets. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { Agent } from '../../../support/sds-agent/agent.ts';
import { rawMethod } from '../../../support/sds-agent/grpc-call.ts';
import type { ClusterSpiffeId } from '../../../support/sds-agent/registrations.ts';
import { readDiscoveryResponse, type Secret, writeDiscoveryRequest } from '../../../support/sds-agent/sds-messages.ts';
import type { UpstreamRoot } from '../../../support/sds-agent/signing-authority.ts';
import { documentsOf, synthesizedFolders } from '../../../support/synthesized.ts';

/** The registrations that synthesis renders for kind. */
const registrations = documentsOf((await synthesizedFolders('kind-spire')).issuer)
  .map(({ value }) => value as ClusterSpiffeId & { readonly kind: string })
  .filter(({ kind }) => kind === 'ClusterSPIFFEID');

/** An agent below a folder of its own. */
export interface Node {
  readonly agent: Agent;
  readonly folder: string;
  readonly log: string[];
  /** Opens the endpoint of a pod of one account, and gives the folder of its socket. */
  publish(namespace: string, serviceAccount: string): Promise<string>;
  close(): Promise<void>;
}

/** Starts an agent whose leaves live `ttl`. */
export async function startNode(
  options: { readonly ttl?: string; readonly upstream?: UpstreamRoot } = {},
): Promise<Node> {
  const folder = mkdtempSync(join(tmpdir(), 'mw-sds-'));
  const log: string[] = [];
  const { ttl = '1h', upstream = null } = options;
  const agent = await Agent.start({
    trustDomain: 'trading.local',
    socketFile: 'spire-agent.sock',
    trust: { name: 'stand-in', lifetimeMs: 3_600_000, upstream },
    registrations: () => registrations.map((each) => ({ ...each, spec: { ...each.spec, ttl } })),
    log: (line) => log.push(line),
  });
  return {
    agent,
    folder,
    log,
    publish: async (namespace, serviceAccount) => {
      // As long as the kubelet's: longer than a socket's address may be.
      const uid = crypto.randomUUID();
      const target = join(folder, 'pods', uid, 'volumes/kubernetes.io~csi/workload-socket/mount');
      mkdirSync(join(target, '..'), { recursive: true });
      await agent.publish({ namespace, name: serviceAccount, uid, serviceAccount }, target);
      // In its container the folder has a short name, since a client's address may be no longer than a server's.
      const inPod = join(folder, uid.slice(0, 8));
      symlinkSync(target, inPod);
      return inPod;
    },
    close: async () => {
      await agent.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A proxy that subscribes to one name, and takes every answer. */
export class Subscriber {
  readonly received: Secret[] = [];
  readonly #stream: ClientDuplexStream<Uint8Array, Uint8Array>;
  readonly #client: Client;
  #waiting: (() => void)[] = [];
  /** How the stream ended, null while it is open. */
  ended: string | null = null;

  constructor(folder: string, name: string, options: { readonly takes?: boolean } = {}) {
    this.#client = new Client(`unix:${folder}/spire-agent.sock`, credentials.createInsecure());
    const { path, requestSerialize, responseDeserialize } = rawMethod(
      '/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets',
      'stream',
    );
    this.#stream = this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    this.#stream.on('data', (bytes: Uint8Array) => {
      const { nonce, secrets } = readDiscoveryResponse(bytes);
      this.received.push(...secrets);
      const refusal = options.takes === false ? 'not this one' : null;
      this.#stream.write(writeDiscoveryRequest({ names: [name], nonce, refusal }));
      this.#wake();
    });
    this.#stream.on('error', (error) => {
      this.ended = error.message;
      this.#wake();
    });
    this.#stream.write(writeDiscoveryRequest({ names: [name], nonce: '', refusal: null }));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Waits until `count` secrets arrived or the stream ended, and gives the last. */
  async atLeast(count: number): Promise<Secret> {
    while (this.received.length < count && this.ended === null)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const last = this.received.at(-1);
    if (last === undefined) throw new Error(`no secret: ${this.ended}`);
    return last;
  }

  close(): void {
    this.#stream.cancel();
    this.#client.close();
  }
}
