import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority } from './authority.ts';
import { readMesh } from './manifests.ts';
import type { MeshFolders } from './mesh-plan.ts';

/** How clients outside the mesh reach it. */
export interface EdgeAccess {
  /** The public host of the Gateway, for SNI and the `host` header; it resolves nowhere. Shape: `api.trading.local`. */
  readonly host: string;
  readonly port: number;
  /** PEM of the root that clients trust, and its file. */
  readonly ca: string;
  readonly caFile: string;
}

const edgeLifetimeMs = 86_400_000;

/** Issues the ingress gateway's server certificate, of an authority that the mesh itself does not trust. */
export async function issueEdge(folders: MeshFolders): Promise<EdgeAccess> {
  const { gateways } = await readMesh(folders.dist);
  const [server] = gateways.flatMap((gateway) => gateway.servers);
  const host = server?.hosts[0]?.replace(/^.*\//, '') ?? 'localhost';
  const authority = await createAuthority('meshwright edge');
  const leaf = await authority.issue({
    spiffeId: null,
    dnsNames: [host, 'localhost', '127.0.0.1'],
    lifetimeMs: edgeLifetimeMs,
  });
  const caFile = join(folders.keys, 'edge-ca.pem');
  writeFileSync(join(folders.run, 'edge.crt'), leaf.certificate, { mode: 0o600 });
  writeFileSync(join(folders.run, 'edge.key'), leaf.privateKey, { mode: 0o600 });
  writeFileSync(caFile, authority.bundle, { mode: 0o644 });
  return { host, port: server?.port ?? 8443, ca: authority.bundle, caFile };
}
