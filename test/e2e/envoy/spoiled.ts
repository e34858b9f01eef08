/** Documents that only the gates see: policies with a fault, to learn whether everybody refuses the same. */
import type { Draw } from '../../support/draw.ts';
import type { KubernetesObject } from './kubernetes-client.ts';

type Json = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const strange: readonly unknown[] = ['', 'x*y*z', '{**}/{*}', 7, true, null, {}, [], '-1', '65536', 'a/b/c', ' '];

/** The same value with one member dropped, added or replaced, somewhere inside. */
function spoilt(draw: Draw, value: unknown): unknown {
  if (draw.chance(0.15)) return draw.of(strange);
  if (Array.isArray(value)) {
    if (value.length === 0 || draw.chance(0.1)) return [...value, draw.of(strange)];
    const index = draw.integer(value.length);
    return draw.chance(0.1) ? value.toSpliced(index, 1) : value.with(index, spoilt(draw, value[index]));
  }
  if (!isRecord(value)) return draw.of(strange);
  const names = Object.keys(value);
  if (names.length === 0 || draw.chance(0.1))
    return { ...value, [draw.of(['unknown', 'values', 'from'])]: draw.of(strange) };
  const name = draw.of(names);
  const { [name]: member, ...others } = value;
  return draw.chance(0.1) ? others : { ...value, [name]: spoilt(draw, member) };
}

/** A policy with one fault, or with what only a gate judges: no key in brackets, dry-run where there is none. */
export function spoiled(draw: Draw, policy: KubernetesObject): KubernetesObject {
  const spec = policy['spec'] as Json;
  if (policy.kind === 'AuthorizationPolicy' && draw.chance(0.2)) {
    const key = draw.of(['request.headers[]', 'request.auth.claims[]', 'request.auth.claims[a', 'source.ip[x]', '']);
    return { ...policy, spec: { ...spec, rules: [{ when: [{ key, values: ['x'] }] }] } };
  }
  if (spec['action'] === 'CUSTOM' && draw.chance(0.3)) {
    const annotations = { 'istio.io/dry-run': draw.of(['true', 'false']) };
    return { ...policy, metadata: { ...policy.metadata, annotations } };
  }
  return { ...policy, spec: spoilt(draw, spec) };
}
