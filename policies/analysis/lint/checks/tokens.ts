/** Tokens: RequestAuthentication and the rules that require what it verifies. Source: semantics.md 8. */
import type { Clause, Rule } from '../../../language/authorization.ts';
import type { RequestAuthentication, Workload } from '../../../language/mesh.ts';
import { applicable } from '../../attachment.ts';
import { atObject, type Context, clausesOf, entriesOf, inPolicy, type MeshCheck, ruleAt } from '../context.ts';
import type { Sighting } from '../finding.ts';

const isTokenClause = ({ on }: Clause) => on === 'requestPrincipal' || on === 'claim';

/** True iff a rule of the workload turns calls without a token away. */
function requiresToken(rule: Rule, action: 'ALLOW' | 'DENY'): boolean {
  return clausesOf(rule).some(
    (clause) => isTokenClause(clause) && (action === 'ALLOW' ? clause.values.length : clause.notValues.length) > 0,
  );
}

function selected({ mesh }: Context, authentication: RequestAuthentication): readonly Workload[] {
  return mesh.workloads.filter((workload) => applicable([authentication], mesh, workload).length > 0);
}

function* notRequired(context: Context): Generator<Sighting> {
  for (const authentication of context.mesh.requestAuthentications) {
    for (const workload of selected(context, authentication)) {
      const policies = applicable(context.mesh.authorizationPolicies, context.mesh, workload).filter(
        ({ enforcement }) => enforcement === 'enforced',
      );
      const required = policies.some(
        ({ action, rules }) =>
          (action.kind === 'ALLOW' || action.kind === 'DENY') &&
          rules.some((rule) => requiresToken(rule, action.kind === 'ALLOW' ? 'ALLOW' : 'DENY')),
      );
      if (required) continue;
      yield atObject(
        'RequestAuthentication',
        authentication,
        `no policy of \`${workload.namespace}/${workload.name}\` requires a token: calls without one pass`,
      );
      break;
    }
  }
}

function* neverVerified(context: Context): Generator<Sighting> {
  const { mesh } = context;
  for (const written of context.policies) {
    const bare = written.workloads.find(
      (workload) => applicable(mesh.requestAuthentications, mesh, workload).length === 0,
    );
    const rule = written.policy.rules.find((each) => clausesOf(each).some(isTokenClause));
    if (bare !== undefined && rule !== undefined)
      yield inPolicy(
        written,
        `rule ${rule.index} reads a token, and no RequestAuthentication verifies any at \`${bare.namespace}/${bare.name}\``,
        ruleAt(written, rule.index),
      );
  }
}

function* unknownIssuers(context: Context): Generator<Sighting> {
  const { mesh } = context;
  for (const { written, entry, text } of entriesOf(context, ['requestPrincipals'])) {
    if (text.startsWith('*') || !text.includes('/') || /^[a-z]+:\/\/[^/]+$/.test(text)) continue;
    const issuer = text.slice(0, text.lastIndexOf('/'));
    const authentications = written.workloads.flatMap((workload) =>
      applicable(mesh.requestAuthentications, mesh, workload),
    );
    const issuers = new Set(authentications.flatMap(({ rules }) => rules.map((rule) => rule.issuer)));
    if (issuers.size > 0 && !issuers.has(issuer))
      yield inPolicy(
        written,
        `request principal \`${text}\`: no RequestAuthentication of the workload accepts the issuer \`${issuer}\``,
        entry,
      );
  }
}

function* missingKeys({ mesh }: Context): Generator<Sighting> {
  for (const authentication of mesh.requestAuthentications)
    for (const rule of authentication.rules)
      if (rule.keys.kind === 'discovery')
        yield {
          ...atObject(
            'RequestAuthentication',
            authentication,
            `the rule for issuer \`${rule.issuer}\` has neither \`jwks\` nor \`jwksUri\``,
          ),
          at: rule.at,
        };
}

function* remoteKeys({ mesh }: Context): Generator<Sighting> {
  for (const authentication of mesh.requestAuthentications)
    for (const rule of authentication.rules)
      if (rule.keys.kind === 'uri')
        yield {
          ...atObject(
            'RequestAuthentication',
            authentication,
            `the keys of \`${rule.issuer}\` are downloaded from \`${rule.keys.uri}\``,
          ),
          at: rule.at,
        };
}

function* anyAudience({ mesh }: Context): Generator<Sighting> {
  for (const authentication of mesh.requestAuthentications)
    for (const rule of authentication.rules)
      if (rule.audiences.length === 0)
        yield {
          ...atObject(
            'RequestAuthentication',
            authentication,
            `the rule for issuer \`${rule.issuer}\` accepts tokens for every audience`,
          ),
          at: rule.at,
        };
}

/** Checks of tokens. */
export const TOKENS: readonly MeshCheck[] = [
  {
    code: 'token/not-required',
    severity: 'error',
    title: 'tokens are verified and never required',
    resolution:
      'RequestAuthentication refuses tokens that are invalid; a call without any token passes (advisory ISTIO-SECURITY-2021-001). Require one: an ALLOW rule with `requestPrincipals`, or DENY with `notRequestPrincipals: ["*"]`.',
    find: notRequired,
  },
  {
    code: 'token/not-verified',
    severity: 'error',
    title: 'a rule reads tokens that nothing verifies',
    resolution:
      'Without a RequestAuthentication that applies to the workload there are no claims: an ALLOW rule on them never matches, a DENY rule with `not…` values always does. Add a RequestAuthentication for the issuer, with a selector that reaches the same workload.',
    find: neverVerified,
  },
  {
    code: 'token/unknown-issuer',
    severity: 'error',
    title: 'a rule names an issuer that is not accepted',
    resolution:
      'A request principal is `issuer/subject`, and no RequestAuthentication of the workload accepts tokens of that issuer, so the rule never matches. Issuers are compared character by character, with or without a final slash.',
    find: unknownIssuers,
  },
  {
    code: 'token/no-keys',
    severity: 'warning',
    title: 'a rule for tokens names no keys',
    resolution:
      'With neither `jwks` nor `jwksUri` istiod has to find the keys through the discovery document of the issuer at run time. Name the keys.',
    find: missingKeys,
  },
  {
    code: 'token/remote-keys',
    severity: 'note',
    title: 'keys are downloaded',
    resolution:
      'istiod downloads the keys from `jwksUri`: an outbound call that must be permitted (SSRF, ISTIO-SECURITY-2026-003), and on versions before the fix of CVE-2026-31837 a failed download left a publicly known key in place. Inline `jwks` needs neither.',
    find: remoteKeys,
  },
  {
    code: 'token/any-audience',
    severity: 'warning',
    title: 'tokens for other audiences are accepted',
    resolution:
      'Without `audiences` a token that the issuer made for another application opens this one too. List the audience of this application.',
    find: anyAudience,
  },
];
