/** Explanations on a small mesh, whose proposed changes are made and decided once more. */
import { applyEdits } from '#policies/analysis/explain/edit.ts';
import { explain } from '#policies/analysis/explain/explain.ts';
import type { Explanation } from '#policies/analysis/explain/explanation.ts';
import { compile, PROFILES, parseRequest } from '#policies/analysis/index.ts';
import { readDocuments } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { meshConfigYaml, securityYaml, workloadYaml } from '../../../../support/small-mesh.ts';

/** The principal of the caller. */
export const CALLER = 'td/ns/a/sa/y';
const STRICT = securityYaml('PeerAuthentication', 'istio-system', { mtls: { mode: 'STRICT' } });
const base = (inject: string, settings: object) => [
  meshConfigYaml(settings),
  ...['x', 'y', 'z'].map((name) => workloadYaml('a', name, inject)),
  STRICT,
];

/** A policy of `a/x`. */
export const onX = (rules: readonly object[], more: object = {}, name = 'p') =>
  securityYaml('AuthorizationPolicy', 'a', { selector: { matchLabels: { app: 'x' } }, rules, ...more }, name);
/** A rule of one principal and some paths. */
export const rule = (principal: string, ...paths: readonly string[]) => ({
  from: [{ source: { principals: [principal] } }],
  to: [{ operation: { paths } }],
});

/** What is around the objects of a test. */
interface Around {
  /** Whether workloads ask for a sidecar. @default 'true' */
  readonly inject?: string;
  /** Mesh settings besides the trust domain. @default - none */
  readonly settings?: object;
}

/** Explains GET /get from workload `a/y` to port 80 of `a/x`, with members of the request put over it. */
export function explained(
  texts: readonly string[],
  parts: object = {},
  { inject = 'true', settings = {} }: Around = {},
): Explanation {
  const { documents } = readDocuments('mesh.yaml', [...base(inject, settings), ...texts].join('\n---\n'));
  const mesh = parseMesh(documents);
  const request = parseRequest({
    source: { workload: { namespace: 'a', name: 'y' } },
    destination: { namespace: 'a', workload: 'x', port: 80 },
    http: { method: 'GET', path: '/get', host: 'x.a' },
    ...parts,
  });
  if (!mesh.ok || !request.ok) throw new Error(JSON.stringify([mesh, request]));
  const input = {
    mesh: mesh.value,
    documents,
    parseOptions: {},
    profile: PROFILES['istio-1.31'],
    issuerKeys: new Map(),
  };
  const explanation = explain(input, request.value);
  for (const { edits } of explanation.changes) expectAllowed(applyEdits(documents, edits), request.value);
  return explanation;
}

/** Every change that is proposed is made and decided here once more, by the indexed evaluator on the edited text. */
function expectAllowed(
  documents: Parameters<typeof parseMesh>[0],
  request: Parameters<ReturnType<typeof compile>['decide']>[0],
) {
  const mesh = parseMesh(documents);
  if (!mesh.ok || !compile(mesh.value).decide(request).allowed)
    throw new Error('a change does not let the call through');
}
