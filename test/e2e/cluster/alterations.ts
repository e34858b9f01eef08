/**
 * What the suite changes in a cluster, and how everything comes back. Each change is written down in a file before it
 * is made, so that a run that was killed is undone by the next one.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Api, type Json, messageOf } from '#policies/cli/live/api.ts';

/** A Kubernetes object as far as every one has it. */
export interface ClusterObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [member: string]: unknown;
}

/** One change: the object at `path` and what stood there before, null when nothing did. */
interface Change {
  readonly path: string;
  readonly before: Json | null;
}

const plurals: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  ServiceAccount: 'serviceaccounts',
  Pod: 'pods',
  NetworkPolicy: 'networkpolicies',
  AuthorizationPolicy: 'authorizationpolicies',
  Sidecar: 'sidecars',
};

/** The path of an object. Errors: throws on a kind that the suite does not change. */
function pathOf({ apiVersion, kind, metadata }: ClusterObject): string {
  const plural = plurals[kind];
  if (plural === undefined) throw new Error(`${kind}: the suite does not change this kind`);
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${group}${place}/${plural}/${metadata.name}`;
}

/** The object as it can be created again. */
function recreatable(object: Json): Json {
  const { status: _status, ...kept } = object;
  const {
    managedFields: _f,
    resourceVersion: _r,
    uid: _u,
    creationTimestamp: _c,
    generation: _g,
    ...metadata
  } = object['metadata'] as Json;
  return { ...kept, metadata };
}

/** Changes of one cluster; `restore` takes them back, last first. */
export class Alterations {
  readonly #api: Api;
  readonly #file: string;
  #changes: Change[] = [];
  /** One thing at a time: an interrupt may ask for everything back while a phase takes back its own. */
  #last: Promise<void> = Promise.resolve();

  private constructor(api: Api, file: string) {
    this.#api = api;
    this.#file = file;
  }

  /** Opens the record in `file` and undoes what a run that was killed left there; tells how much that was. */
  static async open(api: Api, file: string): Promise<{ readonly alterations: Alterations; readonly undone: number }> {
    const alterations = new Alterations(api, file);
    const left = await readFile(file, 'utf8').catch(() => '[]');
    alterations.#changes = JSON.parse(left) as Change[];
    const undone = alterations.#changes.length;
    await alterations.restore();
    return { alterations, undone };
  }

  /** How many changes are in effect: what `restoreTo` takes. */
  get mark(): number {
    return this.#changes.length;
  }

  /** Creates an object, or replaces the one that is there. */
  async put(object: ClusterObject): Promise<void> {
    const path = pathOf(object);
    await this.#remember(path);
    await this.#apply(path, object);
  }

  /** Deletes an object. Errors: throws when it is not there. */
  async remove(object: ClusterObject): Promise<void> {
    const path = pathOf(object);
    const { before } = await this.#remember(path);
    if (before === null) throw new Error(`${path}: is not there, so nothing is proved by deleting it`);
    await this.#delete(path);
  }

  /** Takes everything back. */
  restore(): Promise<void> {
    return this.restoreTo(0);
  }

  /** Takes back what was changed since `mark`. */
  restoreTo(mark: number): Promise<void> {
    this.#last = this.#last.then(() => this.#takeBack(mark));
    return this.#last;
  }

  async #takeBack(mark: number): Promise<void> {
    while (this.#changes.length > mark) {
      const change = this.#changes.at(-1);
      if (change === undefined) break;
      if (change.before === null) await this.#delete(change.path);
      else await this.#apply(change.path, change.before);
      this.#changes.pop();
      await this.#keep();
    }
  }

  async #remember(path: string): Promise<Change> {
    const { status, body } = await this.#api.send({ path });
    const before = status === 200 && typeof body !== 'string' ? recreatable(body) : null;
    const change = { path, before };
    this.#changes.push(change);
    await this.#keep();
    return change;
  }

  async #keep(): Promise<void> {
    if (this.#changes.length === 0) return rm(this.#file, { force: true });
    await mkdir(dirname(this.#file), { recursive: true });
    await writeFile(this.#file, `${JSON.stringify(this.#changes)}\n`);
  }

  /** Replaced as a whole: what an apply of fields leaves behind would not be what was written down. */
  async #apply(path: string, object: Json | ClusterObject): Promise<void> {
    const { status, body } = await this.#api.send({ path });
    const exists = status === 200 && typeof body !== 'string';
    const version = exists ? (body['metadata'] as Json)['resourceVersion'] : undefined;
    const metadata = { ...(object['metadata'] as Json), ...(exists ? { resourceVersion: version } : {}) };
    const written = await this.#api.send({
      method: exists ? 'PUT' : 'POST',
      path: exists ? path : path.slice(0, path.lastIndexOf('/')),
      body: { ...object, metadata },
    });
    if (written.status >= 300) throw new Error(`${path}: refused: ${messageOf(written.body)}`);
  }

  async #delete(path: string): Promise<void> {
    const deleted = await this.#api.send({
      method: 'DELETE',
      path,
      query: path.includes('/pods/') ? { gracePeriodSeconds: '0' } : {},
    });
    if (deleted.status >= 300 && deleted.status !== 404)
      throw new Error(`${path}: not deleted: ${messageOf(deleted.body)}`);
  }
}
