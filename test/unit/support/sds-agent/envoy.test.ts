/** A real Envoy takes its certificate and its roots from the stand-in, through renewal and a change of authority. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PeerCertificate } from 'node:tls';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tryFindBinary } from '../../../e2e/envoy/binaries.ts';
import { freePorts, Processes, until } from '../../../e2e/envoy/processes.ts';
import { type Node, Subscriber, startNode } from './node.ts';

const envoy = tryFindBinary('envoy', process.env);
if (envoy === undefined)
  process.stderr.write('the stand-in was not tried with a real Envoy: no `envoy` on PATH, and ENVOY names none\n');

const tls = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3';
const filters = 'type.googleapis.com/envoy.extensions.filters';

/** The same two subscriptions as in an Istio sidecar. */
function bootstrap(port: number, socket: string): unknown {
  const secret = (name: string) => ({
    name,
    sds_config: {
      resource_api_version: 'V3',
      api_config_source: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'sds-grpc' } }],
      },
    },
  });
  const context = {
    '@type': `${tls}.DownstreamTlsContext`,
    require_client_certificate: true,
    common_tls_context: {
      tls_certificate_sds_secret_configs: [secret('default')],
      combined_validation_context: {
        default_validation_context: {
          match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { prefix: 'spiffe://trading.local/' } }],
        },
        validation_context_sds_secret_config: secret('ROOTCA'),
      },
    },
  };
  const answer = { status: 200, body: { inline_string: 'served' } };
  const routes = [{ match: { prefix: '/' }, direct_response: answer }];
  const http = {
    '@type': `${filters}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'inbound',
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    http_filters: [{ name: 'router', typed_config: { '@type': `${filters}.http.router.v3.Router` } }],
  };
  const chain = {
    transport_socket: { name: 'tls', typed_config: context },
    filters: [{ name: 'http', typed_config: http }],
  };
  const endpoint = { endpoint: { address: { pipe: { path: socket } } } };
  return {
    node: { id: 'sidecar', cluster: 'sidecar' },
    static_resources: {
      listeners: [
        {
          name: 'inbound',
          address: { socket_address: { address: '127.0.0.1', port_value: port } },
          filter_chains: [chain],
        },
      ],
      clusters: [
        {
          name: 'sds-grpc',
          type: 'STATIC',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: { cluster_name: 'sds-grpc', endpoints: [{ lb_endpoints: [endpoint] }] },
        },
      ],
    },
  };
}

describe.skipIf(envoy === undefined)('a real Envoy', () => {
  let node: Node;
  let processes: Processes;
  let port: number;
  let leaves: Subscriber;
  let bundles: Subscriber;

  beforeAll(async () => {
    node = await startNode({ ttl: '4s' });
    processes = new Processes(node.folder);
    const [free = 0] = await freePorts(1);
    port = free;
    const execution = await node.publish('trading', 'execution');
    const order = await node.publish('trading', 'order');
    leaves = new Subscriber(order, 'default');
    bundles = new Subscriber(order, 'ROOTCA');
    await Promise.all([leaves.atLeast(1), bundles.atLeast(1)]);
    const file = join(node.folder, 'bootstrap.json');
    writeFileSync(file, JSON.stringify(bootstrap(port, join(execution, 'spire-agent.sock'))));
    const args = ['-c', file, '--disable-hot-restart', '--use-dynamic-base-id', '--concurrency', '1', '-l', 'error'];
    processes.start('envoy', envoy ?? '', args);
    await until('Envoy serves', () => call().then(...settled));
  });
  afterAll(async () => {
    leaves.close();
    bundles.close();
    await processes.stopAll();
    await node.close();
  });

  const settled = [() => true, () => false] as const;

  /** One call as `order`, on a connection of its own, with what its socket gave it; resolves to the server's certificate. */
  async function call(): Promise<PeerCertificate> {
    const [secret, roots] = await Promise.all([leaves.atLeast(1), bundles.atLeast(1)]);
    if (secret.kind !== 'certificate' || roots.kind !== 'roots') throw new Error('other secrets than asked for');
    return new Promise((resolve, reject) => {
      const socket = connect({
        host: '127.0.0.1',
        port,
        ca: roots.bundle,
        cert: secret.chain,
        key: secret.privateKey,
        checkServerIdentity: (_host: string, { subjectaltname }: PeerCertificate) =>
          subjectaltname === 'URI:spiffe://trading.local/ns/trading/sa/execution'
            ? undefined
            : new Error(`another server: ${subjectaltname}`),
      });
      let text = '';
      socket.setEncoding('utf8');
      socket.on('data', (part: string) => {
        text += part;
        if (!text.includes('served')) return;
        resolve(socket.getPeerCertificate());
        socket.end();
      });
      socket.on('error', reject);
      socket.on('close', () => reject(new Error(`closed after \`${text}\``)));
      socket.write('GET / HTTP/1.1\r\nhost: execution\r\n\r\n');
    });
  }

  test('serves with the identity of its pod, and asks its callers for theirs', async () => {
    const served = await call();
    expect(served.subjectaltname).toBe('URI:spiffe://trading.local/ns/trading/sa/execution');
    expect(served.issuer.CN).toBe('stand-in 1');
  });

  test('changes its certificate at half of its life and its authority in three steps, and loses no call', async () => {
    const serials = new Set<string>();
    const issuers: string[] = [];
    let isOver = false;
    const failures: unknown[] = [];
    const load = (async () => {
      while (!isOver) {
        try {
          const { serialNumber, issuer } = await call();
          serials.add(serialNumber);
          if (issuers.at(-1) !== issuer.CN) issuers.push(String(issuer.CN));
        } catch (error) {
          failures.push(error);
        }
      }
    })();
    const isTaken = async () => node.agent.report().every((pod) => pod.isTaken);
    await until('two renewals', async () => serials.size >= 3);
    await node.agent.prepareAuthority();
    await until('the new root is taken', isTaken);
    await node.agent.activateAuthority();
    await until('the new certificates are taken', isTaken);
    await until('a call under the new authority', async () => issuers.length === 2);
    node.agent.retireAuthorities();
    await until('the last roots are taken', isTaken);
    await call();
    isOver = true;
    await load;
    expect(failures).toEqual([]);
    expect(issuers).toEqual(['stand-in 1', 'stand-in 2']);
  });
});
