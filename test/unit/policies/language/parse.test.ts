import { describe, expect, test } from 'vitest';
import { readDocuments } from '#policies/language/document.ts';
import { type ParseOptions, parseMesh } from '#policies/language/parse.ts';
import { meshOf, networkingYaml, securityYaml, workloadYaml } from '../../../support/small-mesh.ts';

const parse = (text: string, options?: ParseOptions) => parseMesh(readDocuments('m.yaml', text).documents, options);
const codesOf = (text: string, options?: ParseOptions) => {
  const result = parse(text, options);
  return result.ok ? [] : result.problems.map(({ code }) => code);
};

describe('mesh settings', () => {
  const operator =
    '{apiVersion: install.istio.io/v1alpha1, kind: IstioOperator, metadata: {name: i}, spec: {meshConfig: {trustDomain: op, rootNamespace: root}}}';
  const map =
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: istio-system}, data: {mesh: 'trustDomain: map'}}";
  const settings = (text: string, options?: ParseOptions) => {
    const result = parse(text, options);
    return result.ok ? result.value.config : result.problems;
  };

  test('come from an IstioOperator, the `istio` ConfigMap, or Istio itself', () => {
    expect(settings(operator)).toMatchObject({ trustDomain: 'op', rootNamespace: 'root', pathNormalization: 'BASE' });
    expect(settings(map)).toMatchObject({ trustDomain: 'map', rootNamespace: 'istio-system' });
    expect(settings('')).toMatchObject({ trustDomain: 'cluster.local', outboundTrafficPolicy: 'ALLOW_ANY' });
  });

  test.for([
    ['a bare MeshConfig', 'trustDomain: given'],
    ['an IstioOperator', operator.replace('op,', 'given,')],
    ['a ConfigMap', map.replace('map', 'given').replace('trustDomain: map', 'trustDomain: given')],
  ])('%s that is given wins', ([, text]) => {
    expect(settings(operator, { meshConfig: { file: 'c.yaml', text: text ?? '' } })).toMatchObject({
      trustDomain: 'given',
    });
  });

  test('broken settings are a located problem', () => {
    const broken = map.replace("'trustDomain: map'", "'trustDomain: [map'");
    expect(settings(broken)).toMatchObject([
      { code: 'mesh-config/syntax', at: { file: 'm.yaml', path: 'data.mesh', line: 1 } },
    ]);
  });
});

describe('documents', () => {
  const policy = securityYaml('AuthorizationPolicy', 'a', {});

  test('one object given twice with the same content counts once', () => {
    expect(meshOf(policy, policy).authorizationPolicies).toHaveLength(1);
  });

  test('one object given twice with different content is refused with both places', () => {
    const result = parse(`${policy}\n---\n${securityYaml('AuthorizationPolicy', 'a', { action: 'AUDIT' })}`);
    expect(result).toMatchObject({ ok: false, problems: [{ code: 'document/duplicate', at: { line: 3 } }] });
    expect(result.ok ? '' : result.problems[0]?.message).toContain('m.yaml:1');
  });

  test.for(['x', 'toString'])('what the cluster refuses is refused, unless its gate is tolerated: key %s', (key) => {
    const unknownKey = securityYaml('AuthorizationPolicy', 'a', { rules: [{ when: [{ key, values: ['y'] }] }] });
    expect(codesOf(unknownKey).every((code) => code.startsWith('webhook/'))).toBe(true);
    expect(codesOf(unknownKey)).not.toEqual([]);
    expect(codesOf(unknownKey, { tolerate: ['webhook'] })).toEqual([]);
  });

  test('kinds without meaning are listed', () => {
    const mesh = meshOf('{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: a}}');
    expect(mesh.unmodelled).toMatchObject([{ kind: 'Secret', namespace: 'a', name: 's' }]);
  });
});

describe('Services', () => {
  const protocolOf = (port: string) => {
    const mesh = meshOf(
      `{apiVersion: v1, kind: Service, metadata: {name: s, namespace: a}, spec: {selector: {a: b}, ports: [${port}]}}`,
    );
    return mesh.services[0]?.ports[0]?.protocol;
  };
  test.for([
    ['{port: 80, name: http-web}', 'http'],
    ['{port: 80, name: grpc}', 'grpc'],
    ['{port: 80, name: grpc-web-x}', 'grpc-web'],
    ['{port: 80, name: web}', 'auto'],
    ['{port: 80}', 'auto'],
    ['{port: 80, name: http, appProtocol: tcp}', 'tcp'],
    ['{port: 80, name: tcp, appProtocol: kubernetes.io/h2c}', 'http2'],
    ['{port: 443, name: https}', 'tcp'],
    ['{port: 3306}', 'tcp'],
    ['{port: 80, name: constructor-x}', 'auto'],
    ['{port: 80, appProtocol: constructor}', 'auto'],
  ])('%s is taken for %s', ([port, protocol]) => {
    expect(protocolOf(port ?? '')).toBe(protocol);
  });

  test.for(['{port: 80}', '{port: 80, targetPort: 0}', "{port: 80, targetPort: ''}"])('%s leads to port 80', (port) => {
    const yaml = `{apiVersion: v1, kind: Service, metadata: {name: s, namespace: a}, spec: {ports: [${port}]}}`;
    expect(meshOf(yaml).services[0]?.ports[0]?.target).toEqual({ kind: 'number', number: 80 });
  });
});

describe('injection', () => {
  test.for([
    ["sidecar.istio.io/inject: 'false'", 'off'],
    ["sidecar.istio.io/inject: 'true'", 'on'],
    ['other: x', 'unstated'],
  ])('%s means %s', ([label, injection]) => {
    const mesh = meshOf(workloadYaml('a', 'x').replace("sidecar.istio.io/inject: 'true'", label ?? ''));
    expect(mesh.workloads[0]?.injection).toBe(injection);
  });
});

describe('routing objects', () => {
  test('a VirtualService keeps time-outs, retries and matches', () => {
    const mesh = meshOf(
      networkingYaml('VirtualService', 'a', {
        hosts: ['x'],
        http: [
          {
            match: [{ uri: { exact: '/p' }, method: { exact: 'POST' } }],
            route: [{ destination: { host: 'x', port: { number: 80 } } }],
            timeout: '1.5s',
            retries: { attempts: 0 },
          },
        ],
      }),
    );
    expect(mesh.virtualServices[0]).toMatchObject({
      gateways: ['mesh'],
      http: [
        {
          timeoutMs: 1500,
          retries: { attempts: 0, perTryTimeoutMs: null },
          matches: [
            {
              uri: { kind: 'exact', value: '/p' },
              method: { kind: 'exact', value: 'POST' },
              authority: { kind: 'any' },
            },
          ],
          destinations: [{ host: 'x', port: 80 }],
        },
      ],
    });
  });
});
