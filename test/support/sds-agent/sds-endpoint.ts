/** One pod's secret discovery: a UNIX socket that only this pod sees, so whoever asks here is that pod. */
import { chmod, type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { Server, ServerCredentials, type ServerDuplexStream, status } from '@grpc/grpc-js';
import { rawMethod } from './grpc-call.ts';
import { readDiscoveryRequest, type Secret, writeDiscoveryResponse } from './sds-messages.ts';

type Stream = ServerDuplexStream<Uint8Array, Uint8Array>;

/** Names under which SPIRE's agent serves, and Istio's proxies ask. */
export const secretNames = { certificate: 'default', roots: 'ROOTCA' } as const;

/** What one pod may see at this moment; null while nobody registered it. */
export type SecretsNow = () => { readonly version: number; readonly secrets: readonly Secret[] } | null;

/** One open stream of a proxy. */
interface Subscription {
  readonly stream: Stream;
  names: readonly string[];
  /** What was last sent, as text of the names' secrets; the same is not sent twice. */
  sent: string;
  sentVersion: string;
  /** The last answer that the proxy took. */
  taken: string;
}

/** The socket of one pod. */
export class SdsEndpoint {
  readonly #server = new Server();
  readonly #secrets: SecretsNow;
  readonly #subscriptions = new Set<Subscription>();
  readonly #refused: (reason: string) => void;
  // INVARIANT: open as long as the server: it removes its socket through this descriptor, which must not be another folder's by then.
  #folder: FileHandle | undefined;

  constructor(secrets: SecretsNow, refused: (reason: string) => void) {
    this.#secrets = secrets;
    this.#refused = refused;
    const service = 'envoy.service.secret.v3.SecretDiscoveryService';
    const definition = { streamSecrets: rawMethod(`/${service}/StreamSecrets`, 'stream') };
    this.#server.addService(definition, { streamSecrets: (stream: Stream) => this.#serve(stream) });
  }

  /**
   * Listens in `folder` under `file`, for every user of the pod. The address goes through the folder's descriptor,
   * since the paths of pods' volumes are longer than the 107 bytes that a socket's address may have.
   */
  async listen(folder: string, file: string): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o755 });
    await rm(`${folder}/${file}`, { force: true });
    this.#folder = await open(folder, 'r');
    const address = `unix:/proc/self/fd/${this.#folder.fd}/${file}`;
    await new Promise<void>((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    await chmod(`${folder}/${file}`, 0o777);
  }

  /** Sends what has changed to every open stream. */
  push(): void {
    for (const subscription of this.#subscriptions) this.#send(subscription);
  }

  /** How many streams are open, and whether each took what was last sent. */
  get state(): { readonly streams: number; readonly isTaken: boolean } {
    const all = [...this.#subscriptions];
    return { streams: all.length, isTaken: all.every(({ sentVersion, taken }) => sentVersion === taken) };
  }

  /** Ends every stream and stops listening. */
  async close(): Promise<void> {
    this.#server.forceShutdown();
    await this.#folder?.close();
  }

  #serve(stream: Stream): void {
    const subscription: Subscription = { stream, names: [], sent: '', sentVersion: '', taken: '' };
    this.#subscriptions.add(subscription);
    const forget = () => this.#subscriptions.delete(subscription);
    stream.on('data', (bytes: Uint8Array) => {
      const { names, nonce, refusal } = readDiscoveryRequest(bytes);
      if (refusal !== null) this.#refused(refusal);
      else if (nonce !== '') subscription.taken = nonce;
      subscription.names = names;
      this.#send(subscription);
    });
    stream.on('end', () => {
      forget();
      stream.end();
    });
    for (const event of ['close', 'cancelled', 'error']) stream.on(event, forget);
  }

  #send(subscription: Subscription): void {
    const { stream, names } = subscription;
    if (names.length === 0) return;
    const now = this.#secrets();
    if (now === null) {
      stream.emit('error', { code: status.PERMISSION_DENIED, details: 'no identity issued' });
      return;
    }
    const secrets = now.secrets.filter(({ name }) => names.includes(name));
    const content = JSON.stringify(secrets);
    if (secrets.length === 0 || content === subscription.sent) return;
    const version = String(now.version);
    subscription.sent = content;
    subscription.sentVersion = version;
    stream.write(writeDiscoveryResponse({ version, secrets }));
  }
}
