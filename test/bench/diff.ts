/**
 * How long a difference takes once both versions are loaded, that is parsed and prepared: one policy changed among as many
 * as there are services, behind a gateway that leads to nearly all of them. 20 ms at 10,000 services is the aim, for the
 * first comparison as for those after it.
 */
import { diffPrepared } from '#policies/analysis/compare/diff.ts';
import { Preparation } from '#policies/analysis/compare/prepared.ts';
import { DEFAULT_PROFILE } from '#policies/analysis/profile.ts';
import { readDocuments } from '#policies/language/document.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { newFleet } from './fleet.ts';
import { type BenchResult, type Body, paired } from './paired.ts';

const SEED = 7;

/** The rows of the difference benchmark; the nanoseconds of the last two are those of one whole comparison. */
export async function benchDiff(): Promise<readonly BenchResult[]> {
  const small = prepare(1000);
  const rows = [
    await paired('diff, 1,000 services: everything compared over one policy changed', small.wider, small.everything, {
      rounds: 5,
      target: { kind: 'atLeast', ratio: 100 },
    }),
  ];
  const large = prepare(10_000);
  return [
    ...rows,
    await paired('diff, one policy opens a path: 10,000 services over 1,000', small.wider, large.wider, {
      seconds: 0.02,
    }),
    await paired('diff, one policy lets a caller in: 10,000 services over 1,000', small.caller, large.caller, {
      seconds: 0.02,
    }),
    await paired(
      'diff, the first of its version, one policy lets a caller in: 10,000 services over 1,000',
      small.first,
      large.first,
      {
        seconds: 0.02,
      },
    ),
    await paired('diff, W6, 10,000 services: 1 % of the policies changed over one', large.wider, large.churn, {
      limitSeconds: 20,
    }),
  ];
}

interface Bodies {
  /** One rule takes another path. */
  readonly wider: Body;
  /** One rule takes another caller, which is a new call between workloads. */
  readonly caller: Body;
  /** The same with a version that nothing was compared with, whose ways are not known. */
  readonly first: Body;
  readonly everything: Body;
  /** Of one policy in a hundred a rule takes another path. */
  readonly churn: Body;
}

function prepare(services: number): Bodies {
  const texts = [...newFleet(services, SEED).yaml.split('\n---\n'), ...GATEWAY];
  const preparation = new Preparation(DEFAULT_PROFILE);
  const before = preparation.of(readMesh(texts));
  const at = texts.findLastIndex((text) => text.includes('sa/service-'));
  const version = (edit: (text: string) => string) => preparation.of(readMesh(texts.with(at, edit(texts[at] ?? ''))));
  const [wider, caller] = [
    version(widened),
    version((text) =>
      text.replace(/sa\/service-\d+/, 'sa/service-0').replace(/ns\/n\d+\/sa\/service-0/, 'ns/n0/sa/service-0'),
    ),
  ];
  const compare = (known: typeof before, after: typeof before) => () => {
    const { changes } = diffPrepared(known, after, { list: 'changes' });
    if (!changes.some(({ change }) => change === 'added')) throw new Error('the change was not found');
  };
  const churned = preparation.of(readMesh(texts.map((text, index) => (index % 400 === 0 ? widened(text) : text))));
  const first = () => compare({ ...before }, caller)();
  const everything = () => {
    const { changes } = diffPrepared(before, wider);
    if (changes.length < services) throw new Error('not everything was compared');
  };
  return {
    wider: compare(before, wider),
    caller: compare(before, caller),
    first,
    everything,
    churn: compare(before, churned),
  };
}

/** A gateway that takes calls from outside and may call one service. */
const GATEWAY = [
  'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: edge, namespace: istio-system}\nspec:\n  selector: {matchLabels: {app: edge}}\n  template:\n    metadata: {labels: {app: edge}}\n    spec:\n      serviceAccountName: edge\n      containers: [{name: proxy, image: auto}]',
  'apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: edge, namespace: istio-system}\nspec:\n  selector: {app: edge}\n  servers: [{port: {number: 8443, name: https, protocol: HTTPS}, hosts: ["*"], tls: {mode: SIMPLE, credentialName: edge}}]',
  'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: edge, namespace: istio-system}\nspec:\n  selector: {matchLabels: {app: edge}}\n  rules: [{to: [{operation: {ports: ["8443"]}}]}]',
  'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: from-edge, namespace: n0}\nspec:\n  selector: {matchLabels: {app: service-3}}\n  rules: [{from: [{source: {principals: [fleet.local/ns/istio-system/sa/edge]}}]}]',
];

const widened = (text: string) => text.replace('/Method0', '/Other');

function readMesh(texts: readonly string[]): Mesh {
  const mesh = parseMesh(readDocuments('fleet.yaml', texts.join('\n---\n')).documents);
  if (!mesh.ok) throw new Error(mesh.problems.map(({ message }) => message).join('\n'));
  return mesh.value;
}
