import type { CodeCase } from './code-case.ts';
import { istio } from './lint-mesh.ts';

const gateway = (...servers: readonly object[]) => ({
  gateway: istio('Gateway', 'g', {
    selector: { app: 'front' },
    servers: servers.map((server, index) => ({
      port: { number: 8443, name: `g${index}`, protocol: 'HTTPS' },
      hosts: [`shop/h${index}.example`],
      ...server,
    })),
  }),
});
const tls = (mode: string, credentialName: string) => ({ tls: { mode, credentialName } });
const outside = (hosts: readonly string[], protocol: string) => ({
  entry: istio('ServiceEntry', 'e', { hosts, ports: [{ number: 80, name: 'p', protocol }], resolution: 'NONE' }),
});
const PINNED = { mode: 'SIMPLE', caCertificates: '/etc/ca.pem', subjectAltNames: ['api.example'] };
const verifying = (policy: object) => ({
  ...outside(['api.example'], 'TLS'),
  destination: istio('DestinationRule', 'd', { host: 'api.example', ...policy }),
});
const onPort = (tls: object) => ({ portLevelSettings: [{ port: { number: 80 }, tls }] });
const originates = (mode: string) => ({
  destination: istio('DestinationRule', 'd', { host: 'api.example', trafficPolicy: { tls: { mode } } }),
});

/** Codes about TLS of gateways and of what leaves the mesh. */
export const EDGE_CASES: readonly CodeCase[] = [
  {
    code: 'gateway/shared-certificate',
    bad: gateway(tls('SIMPLE', 'wild'), tls('MUTUAL', 'wild')),
    good: gateway(tls('SIMPLE', 'wild'), tls('MUTUAL', 'own')),
    because: 'the sensitive host has a certificate of its own',
  },
  {
    code: 'gateway/old-tls',
    bad: gateway({ tls: { mode: 'SIMPLE', credentialName: 'c', minProtocolVersion: 'TLSV1_1' } }),
    good: gateway({ tls: { mode: 'SIMPLE', credentialName: 'c', minProtocolVersion: 'TLSV1_2' } }),
    because: 'TLS 1.2 is current',
  },
  {
    code: 'egress/plaintext',
    bad: { ...outside(['api.example'], 'HTTP'), ...originates('DISABLE') },
    good: { ...outside(['api.example'], 'HTTP'), ...originates('SIMPLE') },
    because: 'the sidecar adds TLS',
  },
  {
    code: 'transport/unverified-origination',
    bad: verifying({ trafficPolicy: onPort({ mode: 'SIMPLE' }) }),
    good: verifying({ trafficPolicy: onPort(PINNED) }),
    because: 'the port says against what the server is verified',
  },
  {
    code: 'transport/unverified-origination',
    bad: verifying({ trafficPolicy: { tls: { ...PINNED, insecureSkipVerify: true } } }),
    good: verifying({ trafficPolicy: { tls: { ...PINNED, insecureSkipVerify: false } } }),
    because: 'the certificate is looked at',
  },
  {
    code: 'transport/unverified-origination',
    bad: verifying({ subsets: [{ name: 's', trafficPolicy: { tls: { mode: 'SIMPLE' } } }] }),
    good: verifying({ subsets: [{ name: 's', trafficPolicy: { tls: PINNED } }] }),
    because: 'the subset says it too',
  },
  {
    code: 'egress/wildcard-host',
    bad: outside(['*.com'], 'TLS'),
    good: outside(['*.example.com'], 'TLS'),
    because: 'the names below belong to one owner',
  },
];
