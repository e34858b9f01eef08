/** The files of SPIRE for an environment whose identities it signs, in the order of applying. */
import { printYaml } from '#policies/language/print.ts';
import type { ServiceDeclaration } from '#services/runtime/declaration.ts';
import { compareText } from '../../constructs/peer.ts';
import type { Environment, SpireIdentity } from '../../environments/index.ts';
import { spireAgent } from './agent.ts';
import { controllerManager } from './controller.ts';
import { csiDriverObject, spiffeCsiDriver } from './csi-driver.ts';
import { excepted } from './exceptions.ts';
import { federatedDomain } from './federated-domain.ts';
import { spireNamespaces, spireNetwork } from './network.ts';
import { noted, type SpireObject } from './object.ts';
import { registration } from './registrations.ts';
import { spireResourceDefinitions } from './resource-definitions.ts';
import { spireServer } from './server.ts';

/** Files by name: `40-server.yaml`. Nothing when istiod signs. */
export function spireFiles(
  environment: Environment,
  catalog: readonly ServiceDeclaration[],
): ReadonlyMap<string, string> {
  const { identity } = environment;
  if (identity.kind === 'istio') return new Map();
  const stages = {
    ...installationStages(environment, identity),
    ...registrationStages(environment, identity, catalog),
  };
  return new Map(
    Object.entries(stages)
      .filter(([, objects]) => objects.length > 0)
      .map(([file, objects]) => [file, objects.map((object) => printYaml(noted(excepted(object)))).join('---\n')]),
  );
}

type Stages = Readonly<Record<string, readonly SpireObject[]>>;

function installationStages(environment: Environment, identity: SpireIdentity): Stages {
  const { installation } = identity;
  if (installation.kind === 'existing') return {};
  const server = spireServer(environment, installation, identity.leafLifetime);
  const agent = spireAgent(environment, identity, installation);
  const driver = spiffeCsiDriver(installation);
  const manager = controllerManager(environment, identity, installation.clusterName);
  return {
    '00-definitions.yaml': [...spireResourceDefinitions, csiDriverObject],
    '10-namespaces.yaml': spireNamespaces,
    '20-network.yaml': spireNetwork(environment),
    '30-access.yaml': [...agent.rights, ...server.rights, ...manager.rights, ...driver.rights],
    '40-server.yaml': [...manager.settings, ...server.workload],
    '50-node.yaml': [...agent.workload, ...driver.workload],
  };
}

function registrationStages(
  environment: Environment,
  identity: SpireIdentity,
  catalog: readonly ServiceDeclaration[],
): Stages {
  const { federation } = environment;
  const federatesWith = federation.map(({ trustDomain }) => trustDomain).sort(compareText);
  const key = ({ namespace, name }: ServiceDeclaration) => `${namespace}/${name}`;
  const sorted = [...catalog].sort((left, right) => compareText(key(left), key(right)));
  return {
    '60-federation.yaml': federation.map((domain) => federatedDomain(domain, identity)),
    '70-registrations.yaml': sorted.map((declaration) => registration(declaration, identity, federatesWith)),
  };
}
