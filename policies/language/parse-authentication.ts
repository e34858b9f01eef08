/** Parses PeerAuthentications and RequestAuthentications. Source: semantics.md 4 and 8. */
import type { JwtRule, PeerAuthentication, PeerMode, RequestAuthentication } from './mesh.ts';
import { parseAttachment } from './parse-authorization.ts';
import type { Cursor } from './parse-cursor.ts';
import { parseNamed } from './parse-traffic.ts';

/** Parses one PeerAuthentication; a missing `mtls` is UNSET. */
export function parsePeerAuthentication(document: Cursor): PeerAuthentication {
  const spec = document.get('spec');
  return {
    ...named(document),
    attachment: parseAttachment(spec),
    mode: parseMode(spec.get('mtls', 'mode').text()),
    portModes: spec
      .get('portLevelMtls')
      .entries()
      .map(([port, entry]) => ({
        port: Number(port),
        mode: parseMode(entry.get('mode').text()),
      })),
  };
}

function parseMode(text: string): PeerMode {
  return text === 'STRICT' || text === 'PERMISSIVE' || text === 'DISABLE' ? text : 'UNSET';
}

/** Parses one RequestAuthentication. */
export function parseRequestAuthentication(document: Cursor): RequestAuthentication {
  const spec = document.get('spec');
  return {
    ...named(document),
    attachment: parseAttachment(spec),
    rules: spec.get('jwtRules').items().map(parseJwtRule),
  };
}

function parseJwtRule(rule: Cursor): JwtRule {
  const jwks = rule.get('jwks').text();
  const uri = rule.get('jwksUri').text() || rule.get('jwks_uri').text();
  return {
    issuer: rule.get('issuer').text(),
    audiences: rule.get('audiences').texts(),
    keys: jwks !== '' ? { kind: 'inline', jwks } : uri !== '' ? { kind: 'uri', uri } : { kind: 'discovery' },
    fromHeaders: rule
      .get('fromHeaders')
      .items()
      .map((header) => ({
        name: header.get('name').text().toLowerCase(),
        prefix: header.get('prefix').text(),
      })),
    fromParams: rule.get('fromParams').texts(),
    fromCookies: rule.get('fromCookies').texts(),
    forwardOriginalToken: rule.get('forwardOriginalToken').isTrue(),
    outputPayloadToHeader: rule.get('outputPayloadToHeader').text().toLowerCase(),
    outputClaimToHeaders: rule
      .get('outputClaimToHeaders')
      .items()
      .map((entry) => ({
        header: entry.get('header').text().toLowerCase(),
        claim: entry.get('claim').text(),
      })),
    spaceDelimitedClaims: rule.get('spaceDelimitedClaims').texts(),
    timeoutMs: rule.get('timeout').durationMs() ?? 5000,
    at: rule.at(),
  };
}

function named(document: Cursor) {
  return {
    ...parseNamed(document),
    createdAt: document.get('metadata', 'creationTimestamp').text(),
  };
}
