/** Schemas of security.istio.io, versions v1 and v1beta1. Source: the CRDs of Istio 1.31; `semantics.md` section 13. */
import { customObject } from './metadata.ts';
import { closed, filled, flag, list, oneOf, record, type Shape, text } from './shape.ts';

/** Labels of the workloads that a policy is for. */
export const workloadSelector: Shape = closed({
  matchLabels: record(text({ maxLength: 63 }), { maxMembers: 4096, nulls: 'dropped' }),
});

/** The Service, Gateway or class that a policy is attached to. */
export const targetRef: Shape = closed(
  {
    group: text({
      maxLength: 253,
      pattern: /^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    }),
    kind: text({ minLength: 1, maxLength: 63, pattern: /^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/ }),
    name: text({ minLength: 1, maxLength: 253 }),
    namespace: text(),
  },
  ['kind', 'name'],
);

const attachment = {
  selector: workloadSelector,
  targetRef,
  targetRefs: list(targetRef, { maxItems: 16 }),
};

const texts = list(text());
const serviceAccounts = list(text({ maxLength: 320 }), { maxItems: 16 });

const source = closed({
  principals: texts,
  notPrincipals: texts,
  requestPrincipals: texts,
  notRequestPrincipals: texts,
  namespaces: texts,
  notNamespaces: texts,
  serviceAccounts,
  notServiceAccounts: serviceAccounts,
  trustDomains: texts,
  notTrustDomains: texts,
  ipBlocks: texts,
  notIpBlocks: texts,
  remoteIpBlocks: texts,
  notRemoteIpBlocks: texts,
});

const operation = closed({
  hosts: texts,
  notHosts: texts,
  ports: texts,
  notPorts: texts,
  methods: texts,
  notMethods: texts,
  paths: texts,
  notPaths: texts,
});

const rule = closed({
  from: list(closed({ source }), { maxItems: 512 }),
  to: list(closed({ operation })),
  when: list(closed({ key: text(), values: texts, notValues: texts }, ['key'])),
});

/** AuthorizationPolicy. */
export const authorizationPolicy: Shape = customObject(
  closed({
    ...attachment,
    action: oneOf('ALLOW', 'DENY', 'AUDIT', 'CUSTOM'),
    provider: closed({ name: text() }),
    rules: list(rule, { maxItems: 512 }),
  }),
);

const mutualTls = closed({ mode: oneOf('UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT') });

/** PeerAuthentication. */
export const peerAuthentication: Shape = customObject(
  closed({
    selector: workloadSelector,
    mtls: mutualTls,
    portLevelMtls: record(mutualTls, { minMembers: 1, nulls: 'dropped' }),
  }),
);

const jwtRule = closed({
  issuer: filled,
  audiences: list(filled),
  jwks: text(),
  jwksUri: text({ minLength: 1, maxLength: 2048 }),
  jwks_uri: text({ minLength: 1, maxLength: 2048 }),
  fromHeaders: list(closed({ name: filled, prefix: text() }, ['name'])),
  fromParams: list(filled),
  fromCookies: list(filled),
  forwardOriginalToken: flag,
  outputPayloadToHeader: text(),
  outputClaimToHeaders: list(
    closed({ header: text({ minLength: 1, pattern: /^[-_A-Za-z0-9]+$/ }), claim: filled }, ['header', 'claim']),
  ),
  spaceDelimitedClaims: list(filled, { maxItems: 64 }),
  timeout: text(),
});

/** RequestAuthentication. */
export const requestAuthentication: Shape = customObject(
  closed({ ...attachment, jwtRules: list(jwtRule, { maxItems: 4096 }) }),
);
