/** Seeded random policy sets for the live differential: the meshes of the unit tests, made servable. */
import type { Draw } from '../../support/draw.ts';
import { ISSUERS, randomDocuments } from '../../support/random-mesh.ts';
import { broadened, settingsOf, twins } from './broaden.ts';
import { isPolicy } from './control-plane.ts';
import type { KubernetesObject } from './kubernetes-client.ts';
import { oddPolicyValues } from './odd-values.ts';
import { servable } from './servable.ts';
import { spoiled } from './spoiled.ts';
import type { TokenMint } from './tokens.ts';

/** The settings of the mesh and the policies that are in force together. */
export interface PolicySet {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly policies: readonly KubernetesObject[];
  /** Documents that the gates judge, and that are not applied. */
  readonly offered: readonly KubernetesObject[];
}

/** Two issuers that have a key of their own. */
export const issuers: readonly string[] = ISSUERS.slice(0, 2);

const lowerFirst = (text: string) => `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
const positive = (field: string) => (/^not[A-Z]/.test(field) ? lowerFirst(field.slice(3)) : field);

/** Puts odd values in place of some drawn ones. */
function withOddValues(draw: Draw, value: unknown, field = ''): unknown {
  if (Array.isArray(value)) {
    const odd = oddPolicyValues[positive(field)];
    return value.map((item) =>
      typeof item === 'string'
        ? odd !== undefined && draw.chance(0.25)
          ? draw.of(odd)
          : item
        : withOddValues(draw, item),
    );
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withOddValues(draw, member, name)]));
}

function withKeys(draw: Draw, policy: KubernetesObject, tokens: TokenMint): KubernetesObject {
  if (policy.kind !== 'RequestAuthentication') return policy;
  const spec = policy['spec'] as { readonly jwtRules: readonly { readonly issuer: string }[] };
  const jwtRules = spec.jwtRules.map((rule) => {
    const signer = draw.chance(0.1) ? draw.of(issuers) : rule.issuer;
    return { ...rule, jwks: JSON.stringify(tokens.jwks(signer)) };
  });
  return { ...policy, spec: { ...spec, jwtRules } };
}

/** One random set: any of the fields, operators and actions of the policy language, several policies at once. */
export function randomSet(draw: Draw, tokens: TokenMint): PolicySet {
  const objects = randomDocuments(draw).map(({ value }) => value as KubernetesObject);
  const map = objects.find(({ kind }) => kind === 'ConfigMap');
  const settings = settingsOf(draw, JSON.parse((map?.['data'] as { mesh?: string } | undefined)?.mesh ?? '{}'));
  const drawn = objects
    .filter(({ kind }) => isPolicy(kind))
    .map((policy) => broadened(draw, servable(withOddValues(draw, policy)) as KubernetesObject))
    .map((policy) => withKeys(draw, policy, tokens));
  const policies = [...drawn, ...twins(draw, drawn)].sort((left, right) => (orderOf(left) < orderOf(right) ? -1 : 1));
  const offered = draw
    .list(3, () => (policies.length === 0 ? [] : [spoiled(draw, draw.of(policies))]))
    .flat()
    .map((policy, index) => ({ ...policy, metadata: { ...policy.metadata, name: `offered-${index}` } }));
  return { settings, policies, offered };
}

const orderOf = ({ metadata }: KubernetesObject) => `${metadata.namespace}/${metadata.name}`;
