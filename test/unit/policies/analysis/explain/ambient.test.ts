import { describe, expect, test } from 'vitest';
import { securityYaml } from '../../../../support/small-mesh.ts';
import { explained, onX, rule } from './explained.ts';

const AMBIENT = '{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {istio.io/dataplane-mode: ambient}}}';
const WAYPOINT = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: way, namespace: a}
spec: {gatewayClassName: istio-waypoint, listeners: [{name: mesh, port: 15008, protocol: HBONE}]}`;
const WAYPOINTED = AMBIENT.replace('ambient}', 'ambient, istio.io/use-waypoint: way}');
const attached = (...paths: readonly string[]) =>
  securityYaml(
    'AuthorizationPolicy',
    'a',
    { targetRefs: [{ group: '', kind: 'Service', name: 'x' }], rules: [rule('td/ns/a/sa/y', ...paths)] },
    'attached',
  );
const onlyFrom = (account: string) => onX([{ from: [{ source: { principals: [`td/ns/a/sa/${account}`] } }] }]);

const inAmbient = (texts: readonly string[]) => explained(texts, {}, { inject: 'false' });

describe('explanations of calls in ambient', () => {
  test('say that ztunnel left out the rule that would have matched a sidecar', () => {
    const { answer, layers, nearMisses, changes } = inAmbient([AMBIENT, onX([rule('td/ns/a/sa/y', '/get')])]);
    const [allow, transport] = ['allow', 'transport'].map((name) => layers.find(({ layer }) => layer === name));
    expect(answer).toMatchObject({ verdict: 'deny', status: null });
    expect(answer.assumptions.join()).toContain('from documentation, not executed');
    expect(allow?.because).toContain('1 rule is not enforced as written, since ztunnel sees no `paths`');
    expect(transport?.because).toContain('ztunnel, mode STRICT');
    expect(nearMisses[0]?.dropped).toContain('attach it to a waypoint with `targetRefs`');
    expect(changes[0]?.edits[0]?.value).toEqual({
      from: [{ source: { principals: ['td/ns/a/sa/y'] } }],
      to: [{ operation: { ports: ['80'] } }],
    });
  });

  test('name the waypoint whose policy refuses, and the path that it asks for', () => {
    const { layers, nearMisses, changes } = inAmbient([WAYPOINTED, WAYPOINT, attached('/other'), onlyFrom('way')]);
    const deciding = layers.find(({ decides }) => decides);
    expect(deciding).toMatchObject({ layer: 'allow', outcome: 'stops' });
    expect(deciding?.because).toContain('through waypoint `a/way`');
    expect(nearMisses[0]?.misses[0]).toMatchObject({ field: 'paths', expected: ['/other'], got: '/get' });
    expect(changes[0]?.edits[0]?.object).toMatchObject({ kind: 'AuthorizationPolicy', name: 'attached' });
  });

  test('show that ztunnel does not let the waypoint in, and that naming it helps', () => {
    const { layers, changes } = inAmbient([WAYPOINTED, WAYPOINT, attached('/get'), onlyFrom('z')]);
    const deciding = layers.find(({ decides }) => decides);
    expect(deciding?.because).toMatch(/^from waypoint `a\/way`/);
    expect(changes[0]?.edits[0]?.value).toMatchObject({ from: [{ source: { principals: ['td/ns/a/sa/way'] } }] });
  });

  test('of an allowed call show both hops, and the waypoint decides', () => {
    const { answer, layers } = inAmbient([WAYPOINTED, WAYPOINT, attached('/get'), onlyFrom('way')]);
    expect(answer).toMatchObject({ verdict: 'allow', policy: 'a/attached' });
    expect(layers.find(({ decides }) => decides)?.because).toContain('through waypoint `a/way`');
    expect(layers.filter(({ layer }) => layer === 'transport')).toHaveLength(2);
  });
});
