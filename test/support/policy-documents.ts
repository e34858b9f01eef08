import { readDocuments } from '#policies/language/document.ts';
import { printYaml } from '#policies/language/print.ts';
import type { Problem } from '#policies/language/problem.ts';
import { validate } from '#policies/language/validate.ts';

/** Every problem of an object that was printed, read back and validated. */
export const found = (object: unknown): readonly Problem[] => {
  const { documents, problems } = readDocuments('x.yaml', printYaml(object));
  return [...problems, ...documents.flatMap((document) => validate(document))];
};

/** Code and path of every problem of an object. */
export const places = (object: unknown): readonly string[] => found(object).map(({ code, at }) => `${code} ${at.path}`);

/** An object of an Istio kind. */
export const istio = (group: string, kind: string, spec: unknown, metadata: object = {}): unknown => ({
  apiVersion: `${group}.istio.io/v1`,
  kind,
  metadata: { name: 'p', namespace: 'risk', ...metadata },
  spec,
});

/** An AuthorizationPolicy. */
export const authorization = (spec: unknown, metadata: object = {}) =>
  istio('security', 'AuthorizationPolicy', spec, metadata);

/** A RequestAuthentication of one rule. */
export const authentication = (rule: unknown) => istio('security', 'RequestAuthentication', { jwtRules: [rule] });

/** An AuthorizationPolicy with one source. */
export const source = (fields: object) => authorization({ rules: [{ from: [{ source: fields }] }] });

/** An AuthorizationPolicy with one operation. */
export const operation = (fields: object) => authorization({ rules: [{ to: [{ operation: fields }] }] });

/** An AuthorizationPolicy with one condition. */
export const condition = (fields: object) => authorization({ rules: [{ when: [fields] }] });

/** A NetworkPolicy for every pod of its namespace. */
export const networkPolicy = (spec: object) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'n' },
  spec: { podSelector: {}, ...spec },
});
