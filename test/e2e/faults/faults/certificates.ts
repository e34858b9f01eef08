import { intermediateAuthority, leafOf } from '../certificate.ts';
import { type Cluster, edited } from '../cluster.ts';
import type { Fault } from '../fault.ts';
import { inNetworkOf } from '../processes.ts';
import { until } from '../stage.ts';

const table = 'inet meshwright_fault';
const lifetimeSeconds = 60;
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'trading', name: 'risk' };

interface Template {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}

/** Gives `risk` certificates of a minute until the returned function is called. */
async function withShortCertificates(cluster: Cluster): Promise<() => Promise<void>> {
  const proxyConfig = JSON.stringify({ proxyMetadata: { SECRET_TTL: `${lifetimeSeconds}s` } });
  const restore = await edited(cluster, deployment, ({ template }) => {
    const { metadata = {}, ...rest } = template as Template;
    const annotations = { ...metadata.annotations, 'proxy.istio.io/config': proxyConfig };
    return { template: { ...rest, metadata: { ...metadata, annotations } } };
  });
  try {
    const short = await until(async () => {
      const leaf = await leafOf(cluster, 'trading', 'risk');
      const lifetimeMs = leaf.notAfter.getTime() - leaf.notBefore.getTime();
      return (await cluster.isReady('trading', 'risk')) && lifetimeMs < 10 * lifetimeSeconds * 1000;
    }, 90_000);
    if (!short) throw new Error('`risk` got no short certificate');
  } catch (error) {
    await restore();
    throw error;
  }
  return async () => {
    await restore();
    await until(
      async () =>
        (await cluster.isReady('trading', 'risk')) &&
        (await leafOf(cluster, 'trading', 'risk')).notAfter.getTime() - Date.now() > 3_600_000,
      90_000,
    );
  };
}

async function restartControlPlane(cluster: Cluster): Promise<void> {
  await cluster.scale('istio-system', 'istiod', 0);
  await cluster.scale('istio-system', 'istiod', 1);
}

/** Certificates are renewed and their issuer is replaced twice, all under load. */
export const authorityRotation: Fault = {
  name: 'ca-rotation',
  title: 'the issuing CA is replaced twice and certificates are renewed under load',
  bounds: {
    detectedMs: 120_000,
    recoveredMs: 120_000,
    because:
      'a new issuer shows with the next renewal, half a minute into a minute-long certificate, after istiod has started with it',
  },
  run: async (stage, stand) => {
    const { cluster } = stand;
    const restore = await withShortCertificates(cluster);
    const traffic = await stand.startTraffic();
    const startedAtMs = performance.now();
    const issuers = new Set<string>();
    const issuedBy = async (name: string) => {
      const { issuer } = await leafOf(cluster, 'trading', 'risk');
      issuers.add(issuer);
      return issuer.includes(name);
    };
    const first = await intermediateAuthority(cluster, 'fault authority one');
    try {
      await issuedBy('');
      await stage.inject(async () => {
        await cluster.create(first);
        await restartControlPlane(cluster);
      });
      await stage.detected('a certificate of the first new issuer is in use', () => issuedBy('fault authority one'));
      await stage.heal(async () => {
        await cluster.remove(first);
        await cluster.create(await intermediateAuthority(cluster, 'fault authority two'));
        await restartControlPlane(cluster);
      });
      await stage.recovered('a certificate of the second new issuer is in use', () => issuedBy('fault authority two'));
      const failed = traffic.failedSince(startedAtMs).length;
      stage.expect(
        'no call is lost',
        failed === 0,
        `${traffic.describeSince(startedAtMs)}, ${issuers.size} issuers seen`,
      );
    } finally {
      await cluster.remove(first);
      await restartControlPlane(cluster);
      await until(() => cluster.isControlPlaneReady(), 90_000);
      await restore();
    }
    await stand.settle(stage, traffic);
  },
};

/** A certificate runs out while nobody can renew it: connections to its holder must fail, not fall back to anything. */
export const certificateExpiry: Fault = {
  name: 'certificate-expiry',
  title: 'the certificate of `risk` expires while istiod is gone, then istiod is back',
  bounds: {
    detectedMs: 5_000,
    recoveredMs: 90_000,
    because: 'istiod starts, then the agent asks again with a back-off of its own',
  },
  run: async (stage, stand) => {
    const { cluster } = stand;
    const restore = await withShortCertificates(cluster);
    try {
      const traffic = await stand.startTraffic();
      await cluster.scale('istio-system', 'istiod', 0);
      let expiresAt = 0;
      const expired = await until(
        async () => {
          expiresAt = (await leafOf(cluster, 'trading', 'risk')).notAfter.getTime();
          return Date.now() > expiresAt;
        },
        3 * lifetimeSeconds * 1000,
      );
      stage.expect('the certificate ran out', expired, new Date(expiresAt).toISOString());
      const caller = await cluster.place('edge', 'gateway');
      const ask = () => cluster.access.exec(caller, ['node', '-e', callProgram]);
      await cutConnections(cluster, ask);
      await stage.inject(async () => {});
      let reason = 'none was logged';
      await stage.detected('a new connection to it is refused (503), for its certificate', async () => {
        if (!(await ask()).startsWith('503')) return false;
        const log = await cluster.core.readNamespacedPodLog({
          namespace: caller.namespace,
          name: caller.pod,
          container: 'istio-proxy',
          sinceSeconds: 10,
        });
        const reasons = log.matchAll(/"upstream_transport_failure_reason":"([^"]+)"/g);
        reason = [...reasons].at(-1)?.[1] ?? reason;
        return reason.includes('certificate_has_expired');
      });
      stage.expect('the proxy of the caller names the reason', reason.includes('certificate_has_expired'), reason);
      await stage.heal(() => cluster.scale('istio-system', 'istiod', 1));
      await stage.recovered('it has a certificate again, new connections are made, orders trade', async () => {
        const fresh = (await leafOf(cluster, 'trading', 'risk')).notAfter.getTime() > Date.now();
        return fresh && (await ask()).startsWith('403') && stand.trades();
      });
      await stand.settle(stage, traffic);
    } finally {
      await cluster.scale('istio-system', 'istiod', 1);
      await until(() => cluster.isControlPlaneReady(), 90_000);
      await restore();
    }
  },
};

/** Resets what the gateway's proxy has open to `risk`, so that its next call is due a handshake. */
async function cutConnections(cluster: Cluster, ask: () => Promise<string>): Promise<void> {
  const [risk] = await cluster.pods('trading', 'risk');
  const caller = { namespace: 'edge', name: 'gateway', comm: 'node' };
  const chain = `nft add chain ${table} output "{ type filter hook output priority -400; }"`;
  const rule = `nft add rule ${table} output ip daddr ${risk?.status?.podIP} meta l4proto tcp reject with tcp reset`;
  try {
    await inNetworkOf(cluster, caller, `nft add table ${table} && ${chain} && ${rule}`);
    if (!(await until(async () => (await ask()).startsWith('503'), 10_000))) throw new Error('nothing was reset');
  } finally {
    await inNetworkOf(cluster, caller, `nft delete table ${table}`);
  }
}

// One call without a token to a method of `risk` that the gateway may call with one: 403 says that the handshake was
// made, 503 that it was not.
const callProgram = `const http2 = require('node:http2');
const session = http2.connect('http://risk.trading.svc.cluster.local:50052');
const request = session.request({ ':method': 'POST', ':path': '/trading.risk.v1.RiskService/SetKillSwitch', 'x-meshwright-probe': '1' });
request.on('response', (headers) => { process.stdout.write(String(headers[':status'])); session.destroy(); });
request.on('error', () => process.exit(1));
session.on('error', () => process.exit(1));
setTimeout(() => process.exit(1), 5000).unref();
request.end();`;
