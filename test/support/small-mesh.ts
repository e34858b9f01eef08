/** Small meshes as YAML, and decisions on them, for tests of the analysis. */
import { type Answer, compile, PROFILES, type Profile, parseRequest, toAnswer } from '#policies/analysis/index.ts';
import { readDocuments } from '#policies/language/document.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';

/** A Deployment `name` in `namespace` with a Service of that name on port 80 (http) and 70 (tcp), and a sidecar. */
export function workloadYaml(namespace: string, name: string, inject = 'true'): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}, sidecar.istio.io/inject: '${inject}'}}
    spec:
      serviceAccountName: ${name}
      containers: [{name: c, image: 'c:1', ports: [{name: web, containerPort: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  selector: {app: ${name}}
  ports: [{name: w, port: 80, targetPort: web, appProtocol: http}, {name: t, port: 70, appProtocol: tcp}]
`;
}

/** Mesh settings as the `istio` ConfigMap. */
export function meshConfigYaml(settings: object): string {
  const mesh = JSON.stringify({ trustDomain: 'td', ...settings });
  return `{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: istio-system}, data: {mesh: ${JSON.stringify(mesh)}}}`;
}

/** One object of `security.istio.io`, named after its kind in lower case. */
export function securityYaml(kind: string, namespace: string, spec: object, name = kind.toLowerCase()): string {
  return JSON.stringify({ apiVersion: 'security.istio.io/v1', kind, metadata: { name, namespace }, spec });
}

/** One object of `networking.istio.io` or, for NetworkPolicy, `networking.k8s.io`. */
export function networkingYaml(kind: string, namespace: string, spec: object, name = kind.toLowerCase()): string {
  const group = kind === 'NetworkPolicy' ? 'networking.k8s.io' : 'networking.istio.io';
  return JSON.stringify({ apiVersion: `${group}/v1`, kind, metadata: { name, namespace }, spec });
}

/** Parses the texts as one file; throws with the problems when they are refused. */
export function meshOf(...texts: readonly string[]): Mesh {
  const reading = readDocuments('mesh.yaml', texts.join('\n---\n'));
  const mesh = parseMesh(reading.documents);
  const problems = [...reading.problems, ...(mesh.ok ? [] : mesh.problems)];
  if (!mesh.ok || problems.length > 0)
    throw new Error(problems.map(({ code, message }) => `${code}: ${message}`).join('\n'));
  return mesh.value;
}

/** What a request overrides of a GET / from an unknown plaintext caller to `a/x` on port 80. */
export interface CallParts {
  readonly source?: object;
  readonly destination?: object;
  readonly http?: object | null;
  readonly jwt?: object | null;
  readonly metadata?: object;
}

/** Decides one request. */
export function decideOn(mesh: Mesh, parts: CallParts, profile: Profile = PROFILES['istio-1.31']): Answer {
  const request = parseRequest({
    id: 'r',
    source: parts.source ?? {},
    destination: { namespace: 'a', workload: 'x', port: 80, ...parts.destination },
    http: parts.http === null ? null : { method: 'GET', path: '/', host: 'x.a', ...parts.http },
    jwt: parts.jwt ?? null,
    ...(parts.metadata === undefined ? {} : { metadata: parts.metadata }),
  });
  if (!request.ok) throw new Error(JSON.stringify(request.problems));
  return toAnswer(request.value, compile(mesh, profile).decide(request.value));
}
