/** Moves the workloads of the catalog from one issuer to the other, as applying the other environment's pods would. */
import { expectOutput, type Run } from '#infra/cluster/command.ts';
import { catalog } from '#services/catalog.ts';
import type { ServiceDeclaration } from '#services/runtime/declaration.ts';

/** Who signs the certificates of the mesh. */
export type Issuer = 'istio' | 'spire';

/** `rolling`: a new pod is ready before the old one goes; `single`: one pod only, the old one goes first. */
export type Replacement = 'rolling' | 'single';

const replacementOf = ({ scaling }: ServiceDeclaration): Replacement =>
  scaling === 'singleton' ? 'single' : 'rolling';

const templatesKey = 'inject.istio.io/templates';
const managedKey = 'spiffe.io/spire-managed-identity';

/** What distinguishes the pods of both environments (test/unit/infra/charts/spire.test.ts holds that it is all). */
function podMetadata({ name }: ServiceDeclaration, issuer: Issuer): unknown {
  const isGateway = name === 'ingress';
  const templates = {
    istio: isGateway ? 'gateway' : null,
    spire: isGateway ? 'gateway,spire-gateway' : 'sidecar,spire',
  };
  return {
    labels: { [managedKey]: issuer === 'spire' ? 'true' : null },
    annotations: { [templatesKey]: templates[issuer] },
  };
}

function targetOf({ name, namespace }: ServiceDeclaration): readonly string[] {
  return [`${name === 'postgres' ? 'statefulset' : 'deployment'}/${name}`, '--namespace', namespace];
}

/** Changes workloads of one cluster. */
export class Workloads {
  readonly #run: Run;
  readonly #context: string;

  constructor(run: Run, context: string) {
    this.#run = run;
    this.#context = context;
  }

  /** Changes the pods' templates and waits until they run: those that roll one after the other, single ones together. */
  async move(issuer: Issuer, replacement: Replacement): Promise<void> {
    const declarations = catalog.filter((each) => replacementOf(each) === replacement);
    if (replacement === 'single') {
      for (const declaration of declarations) await this.#patch(declaration, issuer);
      for (const declaration of declarations) await this.#settled(declaration);
      return;
    }
    for (const declaration of declarations) {
      await this.#patch(declaration, issuer);
      await this.#settled(declaration);
    }
  }

  async #patch(declaration: ServiceDeclaration, issuer: Issuer): Promise<void> {
    const patch = JSON.stringify({ spec: { template: { metadata: podMetadata(declaration, issuer) } } });
    const how = ['--type=merge', '--field-manager=meshwright', '--patch', patch];
    await this.#kubectl(['patch', ...targetOf(declaration), ...how]);
  }

  async #settled(declaration: ServiceDeclaration): Promise<void> {
    await this.#kubectl(['rollout', 'status', ...targetOf(declaration), '--timeout=180s']);
  }

  /** Ends the agent's pod and waits until another runs in its place. */
  async restartAgent(namespace: string, name: string): Promise<void> {
    await this.#kubectl(['rollout', 'restart', `daemonset/${name}`, '--namespace', namespace]);
    await this.#kubectl(['rollout', 'status', `daemonset/${name}`, '--namespace', namespace, '--timeout=120s']);
  }

  #kubectl(args: readonly string[]): Promise<string> {
    return expectOutput(this.#run, ['kubectl', '--context', this.#context, ...args]);
  }
}
