import { Agent, request } from 'undici';

/** A Kubernetes object as far as every one has it. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly resourceVersion?: string;
  };
  readonly [member: string]: unknown;
}

/** What the API server says. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

interface ResourceList {
  readonly resources: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
}

/** A client of one API server: objects by kind, with strict field validation. */
export class KubernetesClient {
  readonly #server: string;
  readonly #token: string;
  readonly #agent: Agent;
  readonly #paths = new Map<string, { readonly plural: string; readonly namespaced: boolean }>();

  constructor(options: { readonly server: string; readonly token: string; readonly certificate: string }) {
    this.#server = options.server;
    this.#token = options.token;
    this.#agent = new Agent({ connect: { ca: options.certificate }, connections: 4 });
  }

  async send(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<ApiAnswer> {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const response = await request(`${this.#server}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': type, accept: 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.body.text();
    return { status: response.statusCode, body: text.startsWith('{') ? JSON.parse(text) : text };
  }

  /** Creates an object under strict field validation; a 4xx is an answer, not an error. */
  async create(object: KubernetesObject): Promise<ApiAnswer> {
    return this.send('POST', `${await this.#collection(object)}?fieldValidation=Strict`, object);
  }

  /** As `create`, but nothing is stored. */
  async judge(object: KubernetesObject): Promise<ApiAnswer> {
    return this.send('POST', `${await this.#collection(object)}?fieldValidation=Strict&dryRun=All`, object);
  }

  /** Creates an object, or replaces the one that is there. Errors: throws when it is refused. */
  async put(object: KubernetesObject): Promise<KubernetesObject> {
    const created = await this.create(object);
    if (created.status < 300) return created.body as KubernetesObject;
    if (created.status !== 409) throw new Error(`${describe(object)}: refused: ${JSON.stringify(created.body)}`);
    const path = `${await this.#collection(object)}/${object.metadata.name}?fieldValidation=Strict`;
    const replaced = await this.send('PUT', path, object);
    if (replaced.status >= 300) throw new Error(`${describe(object)}: refused: ${JSON.stringify(replaced.body)}`);
    return replaced.body as KubernetesObject;
  }

  /** Merges `status` into the object's status. */
  async patchStatus(object: KubernetesObject, status: object): Promise<void> {
    const path = `${await this.#collection(object)}/${object.metadata.name}/status`;
    const answer = await this.send('PATCH', path, { status });
    if (answer.status >= 300) throw new Error(`${describe(object)}: status refused: ${JSON.stringify(answer.body)}`);
  }

  /** Deletes an object at once; one that is not there is as good. */
  async remove(object: KubernetesObject): Promise<void> {
    const path = `${await this.#collection(object)}/${object.metadata.name}?gracePeriodSeconds=0`;
    const answer = await this.send('DELETE', path);
    if (answer.status >= 300 && answer.status !== 404)
      throw new Error(`${describe(object)}: not deleted: ${JSON.stringify(answer.body)}`);
  }

  async #collection({ apiVersion, kind, metadata }: KubernetesObject): Promise<string> {
    const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const key = `${apiVersion} ${kind}`;
    const known = this.#paths.get(key) ?? (await this.#discover(group, kind));
    if (known === undefined) throw new Error(`${key}: the API server does not know this kind`);
    this.#paths.set(key, known);
    return known.namespaced
      ? `${group}/namespaces/${metadata.namespace ?? 'default'}/${known.plural}`
      : `${group}/${known.plural}`;
  }

  async #discover(group: string, kind: string): Promise<{ plural: string; namespaced: boolean } | undefined> {
    const { status, body } = await this.send('GET', group);
    if (status !== 200) return undefined;
    const found = (body as ResourceList).resources.find((each) => each.kind === kind && !each.name.includes('/'));
    return found === undefined ? undefined : { plural: found.name, namespaced: found.namespaced };
  }
}

/** The name of an object in messages: `Service trading/order`. */
export const describe = ({ kind, metadata }: KubernetesObject): string =>
  `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;

/** The namespace of an object; the API server's default when it names none. */
export const namespaceOf = ({ metadata }: KubernetesObject): string => metadata.namespace ?? 'default';
