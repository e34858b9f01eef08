/** Writes to the cluster. They go through kubectl, since typed clients drop fields that their model does not know. */
import { expectOutput, type Run } from './command.ts';
import type { KubernetesObject } from './manifests.ts';

/** The name under which the API server remembers which fields are ours. */
export const fieldManager = 'meshwright';

/** Writes objects to one cluster. */
export class Kubectl {
  readonly #run: Run;
  readonly #context: string;
  readonly #manager: string;

  /** `manager` is whose the fields are; `make up` removes what its own applied once and no longer has. */
  constructor(run: Run, context: string, manager: string = fieldManager) {
    this.#run = run;
    this.#context = context;
    this.#manager = manager;
  }

  /**
   * Brings objects to the state given, in the order given; fields of others stay theirs unless ours say otherwise.
   * Errors: ClusterError with the API server's words; what came before stays.
   */
  async apply(objects: readonly KubernetesObject[]): Promise<void> {
    if (objects.length === 0) return;
    const flags = ['--server-side', `--field-manager=${this.#manager}`, '--force-conflicts', '--filename=-'];
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
    await this.#kubectl(['apply', ...flags], { input });
  }

  /** Deletes one object; one that is gone already counts as deleted. */
  async remove(object: KubernetesObject): Promise<void> {
    await this.#kubectl(['delete', '--ignore-not-found', '--filename=-'], { input: JSON.stringify(object) });
  }

  #kubectl(args: readonly string[], options: { readonly input?: string } = {}): Promise<string> {
    return expectOutput(this.#run, ['kubectl', '--context', this.#context, ...args], options);
  }
}
