/** Rules whose shape grants more, or refuses less, than they seem to. Source: semantics.md 3.2, 3.3, 3.7; threats.md 6. */
import type { Clause, Rule } from '../../../language/authorization.ts';
import { type Context, clausesOf, inPolicy, type MeshCheck, ruleAt, type WrittenPolicy } from '../context.ts';
import type { Sighting } from '../finding.ts';

const has = (rule: Rule, kind: 'from' | 'to' | 'when') => rule.parts.some((part) => part.kind === kind);

const SOURCE_CLAUSES: ReadonlySet<Clause['on']> = new Set<Clause['on']>(['peer', 'requestPrincipal', 'claim']);

/** True iff every way through the rule's `when` names who calls. */
function namesCaller(rule: Rule): boolean {
  return rule.parts.some((part) =>
    part.alternatives.every((clauses) =>
      clauses.some(
        (clause) =>
          (SOURCE_CLAUSES.has(clause.on) || (clause.on === 'address' && clause.of !== 'destination')) &&
          clause.values.length > 0,
      ),
    ),
  );
}

type RuleTest = (written: WrittenPolicy, rule: Rule, context: Context) => string | undefined;

/** True iff the rule is about ports of gateways alone where no caller can have an identity. */
function isPublicEntry({ workloads }: WrittenPolicy, rule: Rule, { listener: listenerOf }: Context): boolean {
  const ports = clausesOf(rule).flatMap((clause) => (clause.on === 'port' ? clause.values : []));
  if (ports.length === 0 || workloads.length === 0) return false;
  return workloads.every((workload) =>
    ports.every((port) => {
      const listener = listenerOf(workload, port);
      return listener.kind === 'gateway' && listener.identity === 'none';
    }),
  );
}

/** One sighting for each rule of the action for which `test` has a message. */
function rules(action: 'ALLOW' | 'DENY', test: RuleTest) {
  return function* (context: Context): Generator<Sighting> {
    for (const written of context.policies) {
      if (written.policy.action.kind !== action) continue;
      for (const rule of written.policy.rules) {
        const message = test(written, rule, context);
        if (message !== undefined) yield inPolicy(written, message, ruleAt(written, rule.index));
      }
    }
  };
}

/** A rule of only `from` next to one of only `to`. */
function isStrayDash({ policy }: WrittenPolicy, rule: Rule): boolean {
  const next = policy.rules[rule.index + 1];
  const alone = (each: Rule, kind: 'from' | 'to') =>
    each.parts.length > 0 && each.parts.every((part) => part.kind === kind);
  return (
    next !== undefined && ((alone(rule, 'from') && alone(next, 'to')) || (alone(rule, 'to') && alone(next, 'from')))
  );
}

function deniesEverything({ policy }: WrittenPolicy, rule: Rule): string | undefined {
  const clauses = clausesOf(rule);
  const any = (clause: Clause) =>
    clause.notValues.length === 0 &&
    clause.values.some((value) => typeof value === 'object' && value !== null && matchesAny(value));
  if (clauses.every(any))
    return `rule ${rule.index} of DENY \`${policy.namespace}/${policy.name}\` matches every call${clauses.length > 0 ? ' of the mesh' : ''}`;
  return undefined;
}

function matchesAny(value: object): boolean {
  if (!('kind' in value)) return false;
  if (value.kind === 'principal' && 'pattern' in value) return matchesAny(value.pattern as object);
  if (value.kind === 'namespace' && 'pieces' in value)
    return (value.pieces as readonly string[]).every((piece) => piece === '');
  if (value.kind === 'prefix' && 'value' in value) return value.value === '/' || value.value === 'spiffe://';
  return value.kind === 'nonEmpty' || value.kind === 'present' || value.kind === 'anyTrustDomain';
}

const BYPASSABLE: ReadonlySet<Clause['on']> = new Set<Clause['on']>([
  'peer',
  'host',
  'method',
  'path',
  'header',
  'requestPrincipal',
  'claim',
  'sni',
]);

function* emptyLists({ policies }: Context): Generator<Sighting> {
  for (const written of policies) {
    for (const rule of written.document.get('spec', 'rules').items()) {
      for (const part of ['from', 'to', 'when']) {
        const list = rule.get(part);
        if (Array.isArray(list.value) && list.value.length === 0)
          yield inPolicy(written, `\`${part}: []\` counts as absent: the rule is not limited by it`, list);
      }
    }
  }
}

function* dryRuns({ policies }: Context): Generator<Sighting> {
  for (const written of policies) {
    if (written.policy.enforcement === 'dryRun')
      yield inPolicy(
        written,
        'a dry-run policy decides nothing, and a dry-run ALLOW makes no default deny',
        written.document,
      );
  }
}

/** Checks of the shape of rules. */
export const SHAPE: readonly MeshCheck[] = [
  {
    code: 'authz/stray-dash',
    severity: 'error',
    title: 'one rule became two',
    resolution:
      'A rule of only `from` stands next to a rule of only `to`: each list item of `rules` is a rule of its own and any one of them suffices, so the named callers may do everything and everybody may do the named operations. Remove the dash before the second: `from` and `to` belong to one item.',
    find: rules('ALLOW', (written, rule) =>
      isStrayDash(written, rule)
        ? `rules ${rule.index} and ${rule.index + 1} were meant as one: \`from\` and \`to\` stand in two list items, and either is enough`
        : undefined,
    ),
  },
  {
    code: 'authz/rule-matches-everything',
    severity: 'error',
    title: 'an ALLOW rule lets every call in',
    resolution:
      'The rule has neither `from`, `to` nor `when`, so that it matches every call of everybody, plaintext included. An ALLOW policy that shall grant nothing has no rules at all (`spec: {}`).',
    find: rules('ALLOW', (_, rule) =>
      rule.parts.length === 0 ? `rule ${rule.index} is empty: it allows every call` : undefined,
    ),
  },
  {
    code: 'authz/rule-without-source',
    severity: 'warning',
    title: 'an ALLOW rule names no caller',
    resolution:
      'Without `from`, and without a condition on who calls, the rule admits every caller of the network, in plaintext too where the port is not STRICT. Name the callers in `from.source.principals`; for a truly public endpoint say so with a suppression. Rules for ports of a gateway whose server asks for no client certificate are not reported, since nobody has an identity there.',
    find: rules('ALLOW', (written, rule, context) =>
      rule.parts.length > 0 && !namesCaller(rule) && !isPublicEntry(written, rule, context)
        ? `rule ${rule.index} names no caller: anybody is admitted`
        : undefined,
    ),
  },
  {
    code: 'authz/rule-without-operation',
    severity: 'warning',
    title: 'an ALLOW rule names no operation',
    resolution:
      'Without `to` the callers may use every port, method and path of the workload, also those added later. Name the exact paths (for gRPC `/package.Service/Method`) and the container port; for raw TCP the port alone.',
    find: rules('ALLOW', (_, rule) =>
      rule.parts.length > 0 && !has(rule, 'to')
        ? `rule ${rule.index} names no operation: its callers may do everything`
        : undefined,
    ),
  },
  {
    code: 'authz/denies-everything',
    severity: 'error',
    title: 'a DENY rule shuts the workload',
    resolution:
      'DENY is decided before ALLOW, and this rule matches every call: no ALLOW policy can open the workload again. For a default deny use an ALLOW policy without rules, to which further ALLOW policies add.',
    find: rules('DENY', deniesEverything),
  },
  {
    code: 'authz/deny-positive',
    severity: 'warning',
    title: 'a DENY rule lists what is forbidden',
    resolution:
      'Whatever spelling the application takes for the same thing and the proxy does not (case, encodings, path parameters, repeated headers, a host with port), and for identities a caller without any, slips past a list of forbidden values; most published bypasses are of this kind. Write ALLOW rules that list what is permitted, or DENY with `not…` values (`notPrincipals: ["*"]`). Lists of ports and addresses are not reported.',
    find: rules('DENY', (written, rule) => {
      if (deniesEverything(written, rule) !== undefined) return undefined;
      const found = clausesOf(rule).find((clause) => BYPASSABLE.has(clause.on) && clause.values.length > 0);
      return found === undefined
        ? undefined
        : `DENY rule ${rule.index} matches by what it lists (${found.on}): anything spelt otherwise passes`;
    }),
  },
  {
    code: 'authz/allow-negative',
    severity: 'warning',
    title: 'an ALLOW rule lists what is not permitted',
    resolution:
      'A `not…` value is also true of a call that lacks the attribute: `notNamespaces` and `notPrincipals` admit plaintext callers (advisory ISTIO-SECURITY-2021-004), `notPaths` and `notHosts` admit every other spelling. List what is permitted instead.',
    find: rules('ALLOW', (_, rule) => {
      const found = clausesOf(rule).find((clause) => clause.on !== 'port' && clause.notValues.length > 0);
      return found === undefined
        ? undefined
        : `ALLOW rule ${rule.index} admits by exclusion (${found.on}): a call without that attribute passes`;
    }),
  },
  {
    code: 'authz/header-condition',
    severity: 'warning',
    title: 'an ALLOW rule trusts a request header',
    resolution:
      'A header is whatever the caller writes, unless every path to the workload strips and sets it. Versions also differ in how they compare repeated headers (CVE-2026-26308). Decide by identity or by a verified claim.',
    find: rules('ALLOW', (_, rule) => {
      const found = clausesOf(rule).find((clause) => clause.on === 'header');
      return found?.on === 'header'
        ? `rule ${rule.index} decides by the header \`${found.name}\`, which callers choose`
        : undefined;
    }),
  },
  {
    code: 'authz/forgeable-address',
    severity: 'warning',
    title: 'an ALLOW rule trusts a forwarded address',
    resolution:
      'A sidecar takes the remote address from the last entry of X-Forwarded-For, whoever sent it, so inside the mesh `remoteIpBlocks` is a wish, not a fact. Use it only at a gateway that knows its trusted proxies; elsewhere decide by identity.',
    find: rules('ALLOW', (_, rule) =>
      clausesOf(rule).some((clause) => clause.on === 'address' && clause.of === 'remote')
        ? `rule ${rule.index} decides by the forwarded address, which callers choose`
        : undefined,
    ),
  },
  {
    code: 'authz/empty-list',
    severity: 'warning',
    title: 'an empty list counts as absent',
    resolution:
      '`from: []`, `to: []` and `when: []` are accepted and limit nothing, as if they were not there. Remove the list, or fill it.',
    find: emptyLists,
  },
  {
    code: 'authz/dry-run',
    severity: 'warning',
    title: 'a policy is only tried out',
    resolution:
      'With `istio.io/dry-run: "true"` the rules are evaluated for statistics and decide nothing; in ambient, older ztunnels enforce them all the same. Remove the annotation once the statistics agree.',
    find: dryRuns,
  },
];
