/** What the random policy sets have exercised: so that a hole in the generator is seen. */
import type { Judged } from './judge.ts';
import type { KubernetesObject } from './kubernetes-client.ts';
import type { PolicySet } from './random-set.ts';

/** The ways in which a value can be written; what an operator means differs by field (semantics.md 3.4, 3.8). */
const operators = ['exact', 'prefix*', '*suffix', '*', 'inner*', '{template}'] as const;
const actions = ['ALLOW', 'DENY', 'AUDIT', 'CUSTOM', 'dry-run'] as const;

type Operator = (typeof operators)[number];
type ActionName = (typeof actions)[number];

interface Values {
  readonly [field: string]: readonly string[] | undefined;
}

interface Rule {
  readonly from?: readonly { readonly source?: Values }[];
  readonly to?: readonly { readonly operation?: Values }[];
  readonly when?: readonly {
    readonly key: string;
    readonly values?: readonly string[];
    readonly notValues?: readonly string[];
  }[];
}

interface Spec {
  readonly action?: ActionName;
  readonly rules?: readonly Rule[];
  readonly selector?: { readonly matchLabels?: object };
  readonly targetRefs?: unknown;
  readonly targetRef?: unknown;
  readonly mtls?: { readonly mode?: string };
  readonly portLevelMtls?: Readonly<Record<string, { readonly mode?: string }>>;
  readonly jwtRules?: readonly object[];
}

function operatorOf(value: string): Operator {
  if (/\{\*{1,2}\}/.test(value)) return '{template}';
  if (value === '*') return '*';
  if (value.startsWith('*')) return '*suffix';
  if (value.endsWith('*')) return 'prefix*';
  return value.includes('*') ? 'inner*' : 'exact';
}

/** `request.headers[x]` and the like count as one field. */
const keyOf = (key: string): string => `when ${key.replace(/\[.*$/, '[]')}`;

/** All values of a rule with the field that holds each. */
function* valuesOf({ from = [], to = [], when = [] }: Rule): Generator<readonly [field: string, value: string]> {
  const parts = [...from.map(({ source }) => source), ...to.map(({ operation }) => operation)];
  for (const [field, values = []] of parts.flatMap((part) => Object.entries(part ?? {})))
    for (const value of values) yield [field, value];
  for (const { key, values = [], notValues = [] } of when) {
    for (const value of values) yield [keyOf(key), value];
    for (const value of notValues) yield [`${keyOf(key)} not`, value];
  }
}

const isDryRun = ({ metadata }: KubernetesObject): boolean =>
  ['true', 'True', 'TRUE', 't', 'T', '1'].includes(metadata.annotations?.['istio.io/dry-run'] ?? '');

/** Counts of what policy sets and requests were made of. */
export class Coverage {
  readonly #values = new Map<string, Map<Operator, Map<ActionName, number>>>();
  readonly #features = new Map<string, Map<string, number>>();

  /** Counts the documents of a set that both sides accept. */
  addSet({ settings, policies }: PolicySet): void {
    const { pathNormalization, trustDomain, trustDomainAliases, extensionProviders } = settings as {
      readonly [member: string]: unknown;
      readonly pathNormalization?: { readonly normalization?: string };
      readonly trustDomainAliases?: readonly string[];
      readonly extensionProviders?: readonly unknown[];
    };
    this.#count('normalization', pathNormalization?.normalization ?? 'absent');
    this.#count('trust domain', `${trustDomain} + ${trustDomainAliases?.length ?? 0} aliases`);
    this.#count('CUSTOM providers', String(extensionProviders?.length ?? 0));
    for (const policy of policies) this.#addPolicy(policy);
  }

  #addPolicy(policy: KubernetesObject): void {
    const spec = (policy['spec'] ?? {}) as Spec;
    this.#count('kind', policy.kind);
    this.#count(`${policy.kind} reach`, reachOf(policy, spec));
    switch (policy.kind) {
      case 'AuthorizationPolicy':
        this.#addRules(policy, spec);
        return;
      case 'PeerAuthentication':
        this.#count('mode', spec.mtls?.mode ?? 'absent');
        for (const { mode } of Object.values(spec.portLevelMtls ?? {})) this.#count('port mode', mode ?? 'absent');
        return;
      default:
        for (const member of (spec.jwtRules ?? []).flatMap((rule) => Object.keys(rule)))
          this.#count('jwtRules', member);
    }
  }

  #addRules(policy: KubernetesObject, { action = 'ALLOW', rules }: Spec): void {
    const name = isDryRun(policy) ? 'dry-run' : action;
    this.#count('rules', rules === undefined ? `${name} absent` : `${name} ${Math.min(rules.length, 3)}`);
    for (const [field, value] of (rules ?? []).flatMap((rule) => [...valuesOf(rule)])) {
      const byOperator = this.#values.get(field) ?? new Map<Operator, Map<ActionName, number>>();
      const byAction = byOperator.get(operatorOf(value)) ?? new Map<ActionName, number>();
      byAction.set(name, (byAction.get(name) ?? 0) + 1);
      this.#values.set(field, byOperator.set(operatorOf(value), byAction));
    }
  }

  /** Counts a request by what it shows to policies, and by what became of it. */
  addDecision({ request, seen, decided }: Judged): void {
    const { principal, ip, remoteIp } = request.source;
    this.#count('identities', principal === null ? 'plaintext' : `${principal.length} URI names`);
    this.#count('peer address', ip.includes(':') ? 'IPv6' : 'IPv4');
    if (request.http !== null && remoteIp !== undefined)
      this.#count(
        'remote address',
        /^::ffff:/i.test(remoteIp) ? 'IPv4-mapped' : remoteIp.includes(':') ? 'IPv6' : 'IPv4',
      );
    this.#count('token', request.jwt === null ? 'none' : (request.jwt.invalid ?? 'valid'));
    this.#count('port', String(request.destination.port));
    this.#count('chain', request.http === null ? 'bytes' : 'HTTP');
    const values = Object.values(request.http?.headers ?? {}).map((each) => each.length);
    this.#count('values of a header', String(Math.max(0, ...values)));
    const assumed = decided.assumptions.some((text) => text.startsWith('CUSTOM')) ? ', provider asked' : '';
    this.#count('outcome', `${seen.verdict} ${seen.layer} ${seen.http ?? 'closed'}${assumed}`);
  }

  #count(feature: string, value: string): void {
    const counts = this.#features.get(feature) ?? new Map<string, number>();
    this.#features.set(feature, counts.set(value, (counts.get(value) ?? 0) + 1));
  }

  /** The counts as a table: a row a field and operator, a column an action; then a line a feature. */
  lines(): readonly string[] {
    const rows = [...this.#values]
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .flatMap(([field, byOperator]) =>
        operators
          .filter((operator) => byOperator.has(operator))
          .map((operator) => {
            const counts = actions.map((action) => byOperator.get(operator)?.get(action) ?? 0);
            return [field, operator, ...counts.map(String)];
          }),
      );
    const table = [['field', 'value', ...actions], ...rows].map(([field = '', operator = '', ...counts]) =>
      [field.padEnd(40), operator.padEnd(11), ...counts.map((count) => count.padStart(8))].join(' '),
    );
    const features = [...this.#features].map(([feature, counts]) => {
      const sorted = [...counts].toSorted(([left], [right]) => (left < right ? -1 : 1));
      return `${feature}: ${sorted.map(([value, count]) => `${value} ${count}`).join('; ')}`;
    });
    return [...table, ...features];
  }
}

function reachOf({ metadata }: KubernetesObject, { selector, targetRefs, targetRef }: Spec): string {
  const where = metadata.namespace === 'istio-system' ? 'root' : 'namespace';
  if (targetRefs !== undefined || targetRef !== undefined) return `${where}, target`;
  if (selector === undefined) return where;
  return Object.keys(selector.matchLabels ?? {}).length === 0 ? `${where}, empty selector` : `${where}, selector`;
}
