/** Names that several parts of a SPIRE installation must agree on. */
import { type Labels, nameLabel } from '../../constructs/peer.ts';
import type { SpireIdentity } from '../../environments/index.ts';

/** The server and the controller manager; Pod Security `restricted`. */
export const serverNamespace = 'spire-server';

/** The agent and the CSI driver, which work on the node itself; Pod Security `privileged`. */
export const nodeNamespace = 'spire-system';

/** Where the server's agents call, and where workloads' registrations go through. */
export const serverAccount = { name: 'spire-server', namespace: serverNamespace };

/** The agent's account: the only one that node attestation accepts. */
export const agentAccount = { name: 'spire-agent', namespace: nodeNamespace };

/** The ConfigMap into which the server writes its roots, and from which agents take them at their first start. */
export const bundleConfigMap = 'spire-bundle';

/** The CSI driver that pods name to get the agent's socket. */
export const csiDriver = 'csi.spiffe.io';

/** The folder of the node with the agent's socket. */
export const socketFolder = '/run/spire/agent-sockets';

/**
 * The agent's socket. Not `socket`, Istio's own name: under that name a proxy that finds no agent would quietly take a
 * certificate of istiod's CA; under this one it refuses to start.
 */
const renderedSocketFile = 'spire-agent.sock';

/** The class that the rendered controller manager serves. */
const renderedClass = 'meshwright';

/** The class of our registrations. */
export function classNameOf({ installation }: SpireIdentity): string {
  return installation.kind === 'existing' ? installation.className : renderedClass;
}

/** The file name of the agent's socket below the mounted folder. */
export function socketFileOf({ installation }: SpireIdentity): string {
  return installation.kind === 'existing' ? installation.socketFile : renderedSocketFile;
}

/** Labels of one part of the installation. */
export const partLabels = (name: string): Labels => ({ [nameLabel]: name, 'app.kubernetes.io/part-of': 'spire' });

/** The label that marks pods whose proxies take their identity from SPIRE. */
export const managedLabel = 'spiffe.io/spire-managed-identity';
