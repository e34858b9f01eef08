import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { KubernetesClient } from './kubernetes-client.ts';
import { freePorts, type Processes, until } from './processes.ts';

/** A Kubernetes API without nodes. */
export interface ApiServer {
  readonly client: KubernetesClient;
  /** The file that other programs connect with. */
  readonly kubeconfig: string;
}

/** Starts etcd and kube-apiserver on loopback; ready when `/readyz` says so. */
export async function startApiServer(binaries: Binaries, processes: Processes): Promise<ApiServer> {
  const folder = join(processes.folder, 'apiserver');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const [etcdPort = 0, port = 0] = await freePorts(2);
  const etcd = `http://127.0.0.1:${etcdPort}`;
  const etcdArgs = ['--data-dir', join(folder, 'etcd'), '--unsafe-no-fsync', '--log-level', 'warn'];
  const clients = ['--listen-client-urls', etcd, '--advertise-client-urls', etcd];
  processes.start('etcd', binaries.etcd, [...etcdArgs, ...clients, '--listen-peer-urls', 'http://127.0.0.1:0']);
  const token = randomBytes(16).toString('hex');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const key = file('sa.key', privateKey.export({ type: 'pkcs1', format: 'pem' }).toString());
  const tokens = file('tokens.csv', `${token},admin,admin,system:masters\n`);
  const certificates = join(folder, 'certs');
  processes.start('kube-apiserver', binaries['kube-apiserver'], [
    ...['--etcd-servers', etcd, '--bind-address', '127.0.0.1', '--secure-port', String(port)],
    ...['--advertise-address', '127.0.0.1', '--cert-dir', certificates, '--token-auth-file', tokens],
    ...['--authorization-mode', 'RBAC', '--service-cluster-ip-range', '10.96.0.0/16'],
    ...['--disable-admission-plugins', 'ServiceAccount'],
    ...['--service-account-issuer', 'https://kubernetes.default.svc'],
    ...['--service-account-signing-key-file', key, '--service-account-key-file', key],
  ]);
  const certificate = join(certificates, 'apiserver.crt');
  const server = `https://127.0.0.1:${port}`;
  let client: KubernetesClient | undefined;
  await until('kube-apiserver ready', async () => {
    try {
      client ??= new KubernetesClient({ server, token, certificate: readFileSync(certificate, 'utf8') });
      return (await client.send('GET', '/readyz')).status === 200;
    } catch {
      return false;
    }
  });
  if (client === undefined) throw new Error('kube-apiserver wrote no certificate');
  const cluster = { server, 'certificate-authority': certificate };
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'differential',
    clusters: [{ name: 'differential', cluster }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'differential', context: { cluster: 'differential', user: 'admin' } }],
  };
  return { client, kubeconfig: file('kubeconfig', JSON.stringify(kubeconfig)) };
}
