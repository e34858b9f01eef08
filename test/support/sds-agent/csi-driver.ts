/** A CSI driver of ephemeral volumes: the kubelet asks for a pod's volume, and the pod's endpoint opens in its folder. */
import { rm } from 'node:fs/promises';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Agent } from './agent.ts';
import {
  nodeInfo,
  nothing,
  pluginInfo,
  readPublishRequest,
  readRegistrationStatus,
  readUnpublishRequest,
  ready,
  registration,
} from './csi-messages.ts';
import { rawService } from './grpc-call.ts';
import type { Pod } from './registrations.ts';

/** The name under which pods ask for the volume: that of the SPIFFE CSI driver, whose place this takes. */
export const driverName = 'csi.spiffe.io';

/** A published volume; kept on disk, because a kubelet does not publish again after a restart of the driver. */
export interface Volume {
  readonly pod: Pod;
  readonly folder: string;
}

/** Where the driver listens, and where it says so. */
export interface DriverOptions {
  readonly nodeId: string;
  /** Socket of the driver in this process's file system. */
  readonly socket: string;
  /** The same socket in the node's file system. */
  readonly socketOnNode: string;
  /** Socket in the kubelet's registration folder. */
  readonly registrationSocket: string;
  /** Called after every change. */
  readonly remember: (volumes: readonly Volume[]) => void;
  readonly log: (line: string) => void;
}

/** Who the kubelet says the pod is. Errors: throws when it was told not to say (`podInfoOnMount`). */
function podOf(context: ReadonlyMap<string, string>): Pod {
  const member = (name: string): string => {
    const value = context.get(`csi.storage.k8s.io/${name}`);
    if (value === undefined) throw new Error(`expected \`${name}\` of the pod, got nothing: is podInfoOnMount set?`);
    return value;
  };
  return {
    namespace: member('pod.namespace'),
    name: member('pod.name'),
    uid: member('pod.uid'),
    serviceAccount: member('serviceAccount.name'),
  };
}

/** Serves the kubelet. */
export class CsiDriver {
  readonly #agent: Agent;
  readonly #options: DriverOptions;
  readonly #volumes = new Map<string, Volume>();
  readonly #servers: Server[] = [];

  constructor(agent: Agent, options: DriverOptions) {
    this.#agent = agent;
    this.#options = options;
  }

  /** Opens the endpoints of an earlier run again, then the two sockets: first the driver's, then the one that announces it. */
  async start(earlier: readonly Volume[]): Promise<void> {
    for (const volume of earlier) await this.#publish(volume);
    const { nodeId, socket, socketOnNode, registrationSocket, log } = this.#options;
    await this.#serve(socket, [
      rawService('csi.v1.Identity', {
        GetPluginInfo: () => pluginInfo(driverName, '0.1.0'),
        GetPluginCapabilities: () => nothing,
        Probe: () => ready,
      }),
      rawService('csi.v1.Node', {
        NodeGetInfo: () => nodeInfo(nodeId),
        NodeGetCapabilities: () => nothing,
        NodePublishVolume: async (request) => {
          const { targetPath, context } = readPublishRequest(request);
          await this.#publish({ pod: podOf(context), folder: targetPath });
          return nothing;
        },
        NodeUnpublishVolume: async (request) => {
          await this.#unpublish(readUnpublishRequest(request).targetPath);
          return nothing;
        },
      }),
    ]);
    await this.#serve(registrationSocket, [
      rawService('pluginregistration.Registration', {
        GetInfo: () => registration(driverName, socketOnNode),
        NotifyRegistrationStatus: (request) => {
          const refusal = readRegistrationStatus(request);
          log(refusal === null ? 'registered with the kubelet' : `the kubelet refused: ${refusal}`);
          return nothing;
        },
      }),
    ]);
  }

  /** Stops serving the kubelet. */
  close(): void {
    for (const server of this.#servers) server.forceShutdown();
  }

  async #publish(volume: Volume): Promise<void> {
    await this.#agent.publish(volume.pod, volume.folder);
    this.#volumes.set(volume.folder, volume);
    this.#options.remember([...this.#volumes.values()]);
  }

  async #unpublish(folder: string): Promise<void> {
    await this.#agent.withdraw(folder);
    await rm(folder, { recursive: true, force: true });
    this.#volumes.delete(folder);
    this.#options.remember([...this.#volumes.values()]);
  }

  async #serve(socket: string, services: readonly ReturnType<typeof rawService>[]): Promise<void> {
    await rm(socket, { force: true });
    const server = new Server();
    for (const [definition, implementation] of services) server.addService(definition, implementation);
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
  }
}
