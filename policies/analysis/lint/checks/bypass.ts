/** Rules that a caller gets around by saying the same thing otherwise. Source: semantics.md 3, 4 and 6; threats.md 5 to 7. */
import type { Clause, PathPattern, Rule } from '../../../language/authorization.ts';
import { acceptsPath } from '../../matching.ts';
import { portsOf } from '../../workload-ports.ts';
import { atObject, type Context, clausesOf, inPolicy, type MeshCheck, ruleAt, type WrittenPolicy } from '../context.ts';
import type { Sighting } from '../finding.ts';

/** True iff a caller without identity is treated as one that the rule does not mean. */
function leansOnIdentity({ policy }: WrittenPolicy, rule: Rule): boolean {
  const peers = clausesOf(rule).filter(({ on }) => on === 'peer');
  if (policy.action.kind === 'DENY') return peers.some(({ values }) => values.length > 0);
  return policy.action.kind === 'ALLOW' && peers.some(({ notValues }) => notValues.length > 0);
}

/** The first port that the rule is about and that takes plaintext. */
function plaintextPort({ mesh, listener }: Context, { workloads }: WrittenPolicy, rule: Rule): string | undefined {
  const named = clausesOf(rule).flatMap((clause) => (clause.on === 'port' ? clause.values : []));
  for (const workload of workloads)
    for (const port of portsOf(mesh, workload)) {
      if (named.length > 0 && !named.includes(port)) continue;
      const found = listener(workload, port);
      if (found.kind === 'sidecar' && found.mode !== 'STRICT')
        return `port ${port} of \`${workload.namespace}/${workload.name}\``;
    }
  return undefined;
}

function* plaintextPasses(context: Context): Generator<Sighting> {
  for (const written of context.policies)
    for (const rule of written.policy.rules) {
      const place = leansOnIdentity(written, rule) ? plaintextPort(context, written, rule) : undefined;
      if (place === undefined) continue;
      const effect = written.policy.action.kind === 'DENY' ? 'is not denied' : 'is admitted';
      yield inPolicy(
        written,
        `rule ${rule.index} decides by identity, and ${place} takes plaintext: a caller that shows none ${effect}`,
        ruleAt(written, rule.index),
      );
    }
}

/** True iff another spelling of a path than those listed makes the rule less strict. */
function isOutspelt({ policy }: WrittenPolicy, clause: Clause): boolean {
  if (clause.on !== 'path') return false;
  return policy.action.kind === 'DENY' ? clause.values.length > 0 : clause.notValues.length > 0;
}

const outspelt = (written: WrittenPolicy): Rule | undefined =>
  written.policy.rules.find((rule) => clausesOf(rule).some((clause) => isOutspelt(written, clause)));

/** One sighting for the whole mesh: it is one setting. */
function* slashesKept({ mesh, policies }: Context): Generator<Sighting> {
  if (mesh.config.pathNormalization !== 'BASE') return;
  for (const written of policies) {
    const rule = outspelt(written);
    if (rule === undefined) continue;
    yield inPolicy(
      written,
      `rule ${rule.index} forbids paths, and pathNormalization is BASE: \`//\` and \`%2F\` are other spellings`,
      ruleAt(written, rule.index),
    );
    return;
  }
}

function* caseIgnored({ mesh, policies }: Context): Generator<Sighting> {
  const written = policies.find((each) => outspelt(each) !== undefined);
  if (written === undefined) return;
  for (const route of mesh.virtualServices)
    if (route.http.some(({ matches }) => matches.some(({ ignoreUriCase, uri }) => ignoreUriCase && uri.kind !== 'any')))
      yield atObject(
        'VirtualService',
        route,
        `routes without regard to case, and \`${written.policy.namespace}/${written.policy.name}\` forbids paths with regard to it`,
      );
}

const REFLECTION = [
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
];

/** A pattern that begins with the name of the package, so that it was written for reflection or for all of `grpc`. */
function opensReflection(pattern: PathPattern): boolean {
  const start = pattern.kind === 'exact' || pattern.kind === 'prefix' ? pattern.value : '';
  return start.startsWith('/grpc.') && REFLECTION.some((path) => acceptsPath(pattern, path));
}

function* reflection({ policies }: Context): Generator<Sighting> {
  for (const written of policies) {
    if (written.policy.action.kind !== 'ALLOW') continue;
    for (const rule of written.policy.rules)
      if (clausesOf(rule).some((clause) => clause.on === 'path' && clause.values.some(opensReflection)))
        yield inPolicy(written, `rule ${rule.index} admits gRPC reflection`, ruleAt(written, rule.index));
  }
}

/** Checks of rules that are got around. */
export const BYPASS: readonly MeshCheck[] = [
  {
    code: 'authz/plaintext-passes-rule',
    severity: 'error',
    title: 'a rule on identities is passed in plaintext',
    resolution:
      'A caller in plaintext has no identity, so that no DENY rule on principals, namespaces or accounts matches it, and every `notPrincipals` or `notNamespaces` of an ALLOW rule does (ISTIO-SECURITY-2021-004). The port takes plaintext. Set its PeerAuthentication to STRICT, or list the permitted callers with positive values in ALLOW.',
    find: plaintextPasses,
  },
  {
    code: 'mesh/path-normalization-base',
    severity: 'warning',
    title: 'slashes are compared as they were sent',
    resolution:
      'With `pathNormalization: BASE`, the default, `/admin//users` and `/admin%2Fusers` stay what they are, and a list of forbidden paths does not hold them, while many applications read them as `/admin/users` (CVE-2021-31920, CVE-2021-29492). Choose DECODE_AND_MERGE_SLASHES or MERGE_SLASHES, as the application does, or list what is permitted. Told once, since it is one setting.',
    find: slashesKept,
  },
  {
    code: 'routing/case-ignored',
    severity: 'warning',
    title: 'routes ignore the case that policies compare',
    resolution:
      'A VirtualService with `ignoreUriCase` leads `/ADMIN` where `/admin` goes, and a policy that forbids `/admin` does not hold `/ADMIN`. Policies cannot compare without regard to case; only a Lua or Wasm filter could. Match paths with their case, or list the permitted paths in ALLOW rules.',
    find: caseIgnored,
  },
  {
    code: 'authz/reflection-open',
    severity: 'warning',
    title: 'gRPC reflection is admitted',
    resolution:
      'Reflection tells its caller every service, method and message of the server, also of those it may not call. Serve it in development only, and take `/grpc.reflection…` out of the ALLOW rule; `grpcurl` and clients work from the `.proto` files.',
    find: reflection,
  },
];
