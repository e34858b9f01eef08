/** Manifests made to exhaust whoever reads them: bombs, floods and policies that hide hard problems. Shape W5. */
import { Draw } from './draw.ts';

const METADATA = 'metadata: {name: victim, namespace: shop}';

/** One workload on port 8080 that the policies of this file select, mutual TLS required, nothing else allowed. */
export const VICTIM = [
  'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata: {mesh: "trustDomain: td"}',
  'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: istio-system}\nspec: {mtls: {mode: STRICT}}',
  'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: nothing, namespace: istio-system}\nspec: {}',
  `apiVersion: v1\nkind: Service\n${METADATA}\nspec: {selector: {app: victim}, ports: [{port: 8080, appProtocol: http}]}`,
  `apiVersion: apps/v1\nkind: Deployment\n${METADATA}\nspec: {selector: {matchLabels: {app: victim}}, template: {metadata: {labels: {app: victim, sidecar.istio.io/inject: "true"}}, spec: {containers: [{name: c, image: "c:1"}]}}}`,
].join('\n---\n');

/** The victim under policies of these rules, 500 a policy, since the schema takes 512. */
function victimUnder(rules: readonly string[], action: 'ALLOW' | 'DENY' = 'ALLOW'): string {
  const policies: string[] = [];
  for (let from = 0; from < rules.length; from += 500) {
    const part = rules.slice(from, from + 500);
    policies.push(
      `apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p${from}, namespace: shop}\nspec:\n  action: ${action}\n  rules:\n${part.map((rule) => `  - ${rule}`).join('\n')}`,
    );
  }
  return [VICTIM, ...policies].join('\n---\n');
}

/** Ten lines that stand for 10^9 values. */
export function aliasBomb(): string {
  const levels = Array.from({ length: 9 }, (_, level) => {
    const name = String.fromCharCode(98 + level);
    const inner = `*${String.fromCharCode(97 + level)}`;
    return `${name}: &${name} [${Array.from({ length: 10 }, () => inner).join(', ')}]`;
  });
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}\na: &a [x, x, x, x, x, x, x, x, x, x]\n${levels.join('\n')}\n`;
}

/** A policy with so many rules: more than any API server takes in one object. */
export function ruleFlood(rules: number): string {
  return `${VICTIM}\n---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: flood, namespace: shop}\nspec:\n  rules: [${'{},'.repeat(rules)}]\n`;
}

/** So many rules in policies of 500 each. */
export function manyRules(rules: number): string {
  return victimUnder(Array.from({ length: rules }, (_, index) => `to: [{operation: {paths: [/a${index}]}}]`));
}

/** So many rules, each about a header of its own. */
export function manyHeaders(count: number): string {
  return victimUnder(
    Array.from({ length: count }, (_, index) => `{when: [{key: "request.headers[x-${index}]", values: ["1"]}]}`),
  );
}

/** So many blocks of callers, of addresses that they claim, and of pods, each crossing blocks of the others. */
export function crossingBlocks(count: number): string {
  const block = (index: number): string => `"10.${(index >> 8) & 255}.${index & 255}.0/24"`;
  return victimUnder(
    Array.from(
      { length: count },
      (_, index) =>
        `{from: [{source: {ipBlocks: [${block(index)}], remoteIpBlocks: [${block((index * 7919) % count)}]}}], when: [{key: destination.ip, values: [${block((index * 104_729) % count)}]}]}`,
    ),
  );
}

/** As many prefixes and as many suffixes, every two of which overlap. */
export function crossingAffixes(count: number): string {
  const rules = Array.from({ length: count }, (_, index) =>
    `to: [{operation: {paths: [/a${index}/*, "*/b${index}"], notPaths: [/a${index}/x*, "*x/b${index}"]}}]`.replace(
      /^/,
      '',
    ),
  );
  return victimUnder(rules.map((rule) => `{${rule}}`));
}

/** A random 3-SAT formula over headers: a call passes iff it satisfies all clauses, each of which is a DENY rule. */
export function threeSat(variables: number, clauses: number, seed: number): string {
  const draw = new Draw(seed);
  const literal = () => {
    const header = `request.headers[x-${draw.integer(variables)}]`;
    return draw.chance(0.5) ? `{key: "${header}", values: ["1"]}` : `{key: "${header}", notValues: ["1"]}`;
  };
  const rules = Array.from({ length: clauses }, () => `{when: [${literal()}, ${literal()}, ${literal()}]}`);
  return `${victimUnder(rules, 'DENY')}\n---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: open, namespace: shop}\nspec: {rules: [{}]}\n`;
}
