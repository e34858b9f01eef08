import type { CodeCase } from './code-case.ts';
import { cartPolicy, cartRule, istio, settings } from './lint-mesh.ts';

const source = (fields: object) => ({ policy: cartPolicy([cartRule(fields)]) });

/** Codes about tokens and trust domains. */
export const TOKEN_CASES: readonly CodeCase[] = [
  {
    code: 'token/not-required',
    bad: {
      tokens: istio('RequestAuthentication', 'r', {
        jwtRules: [{ issuer: 'https://i', jwksUri: 'https://i/k', audiences: ['a'] }],
      }),
    },
    good: {
      tokens: istio('RequestAuthentication', 'r', {
        selector: { matchLabels: { app: 'cart' } },
        jwtRules: [{ issuer: 'https://i', jwksUri: 'https://i/k', audiences: ['a'] }],
      }),
      ...source({ requestPrincipals: ['https://i/*'] }),
    },
    because: 'the rule of the workload requires a token',
  },
  {
    code: 'token/not-verified',
    bad: source({ requestPrincipals: ['https://i/*'] }),
    good: {
      ...source({ requestPrincipals: ['https://i/*'] }),
      tokens: istio('RequestAuthentication', 'r', { jwtRules: [{ issuer: 'https://i', jwksUri: 'https://i/k' }] }),
    },
    because: 'a RequestAuthentication covers the workload',
  },
  {
    code: 'token/unknown-issuer',
    bad: {
      ...source({ requestPrincipals: ['https://j/*'] }),
      tokens: istio('RequestAuthentication', 'r', { jwtRules: [{ issuer: 'https://i', jwksUri: 'https://i/k' }] }),
    },
    good: {
      ...source({ requestPrincipals: ['https://i/*'] }),
      tokens: istio('RequestAuthentication', 'r', { jwtRules: [{ issuer: 'https://i', jwksUri: 'https://i/k' }] }),
    },
    because: 'the issuer is accepted',
  },
  {
    code: 'token/no-keys',
    bad: { tokens: istio('RequestAuthentication', 'r', { jwtRules: [{ issuer: 'https://i' }] }) },
    good: { tokens: istio('RequestAuthentication', 'r', { jwtRules: [{ issuer: 'https://i', jwks: '{"keys":[]}' }] }) },
    because: 'the keys are inline',
  },
  {
    code: 'token/remote-keys',
    bad: {
      tokens: istio('RequestAuthentication', 'r', { jwtRules: [{ issuer: 'https://i', jwksUri: 'https://i/k' }] }),
    },
    good: { tokens: istio('RequestAuthentication', 'r', { jwtRules: [{ issuer: 'https://i', jwks: '{"keys":[]}' }] }) },
    because: 'the keys are inline',
  },
  {
    code: 'token/any-audience',
    bad: { tokens: istio('RequestAuthentication', 'r', { jwtRules: [{ issuer: 'https://i', jwks: '{"keys":[]}' }] }) },
    good: {
      tokens: istio('RequestAuthentication', 'r', {
        jwtRules: [{ issuer: 'https://i', jwks: '{"keys":[]}', audiences: ['shop'] }],
      }),
    },
    because: 'an audience is required',
  },
  {
    code: 'trust/alias-merges-identities',
    bad: { settings: settings({ trustDomainAliases: ['old'] }) },
    good: { settings: settings({ trustDomainAliases: ['td'] }) },
    because: 'the alias is the trust domain itself',
  },
  {
    code: 'trust/unknown-trust-domain',
    bad: source({ principals: ['other/ns/shop/sa/front'] }),
    good: {
      ...source({ principals: ['other/ns/shop/sa/front'] }),
      settings: settings({ caCertificates: [{ pem: 'x', trustDomains: ['other'] }] }),
    },
    because: 'the handshake accepts the domain',
  },
  {
    code: 'trust/cluster-local',
    bad: source({ principals: ['cluster.local/ns/shop/sa/front'] }),
    good: source({ principals: ['td/ns/shop/sa/front'] }),
    because: 'the trust domain is written out',
  },
];
