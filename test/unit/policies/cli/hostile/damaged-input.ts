/** Damaged command lines: a verb, its manifests, requests, intent and settings, of which one or more were mutated. */
import { asIntent } from '#policies/analysis/compare/as-intent.ts';
import { reach } from '#policies/analysis/compare/reach.ts';
import { PROFILES } from '#policies/analysis/index.ts';
import { readDocuments } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { printYaml } from '#policies/language/print.ts';
import { Draw } from '../../../../support/draw.ts';
import { mutate } from '../../../../support/mutated-text.ts';
import { recordedSets } from '../../../../support/recorded.ts';
import { CLEAN } from '../../analysis/lint/lint-mesh.ts';

/** What a verb is given: every text that it can read, undamaged. */
export interface Subject {
  readonly name: string;
  readonly manifests: string;
  readonly requests: readonly string[];
  /** What the manifests allow, declared, so that undamaged input is proved; worked out when first asked for. */
  readonly intent: () => string;
}

/** One case: the verb, and its texts after the damage. */
export interface DamagedInput {
  readonly verb: string;
  readonly manifests: string;
  readonly request: string;
  readonly intent: string;
  readonly settings: string;
}

/** Every verb that reads manifests; `verify` twice, since it does two things. */
export const VERBS = ['decide', 'explain', 'verify', 'verify --intent', 'reach', 'diff', 'lint', 'mutate'] as const;

const SETTINGS = 'trustDomain: td\nrootNamespace: istio-system\npathNormalization: {normalization: BASE}\n';
const CALL = {
  source: { workload: { namespace: 'shop', name: 'front' } },
  destination: { namespace: 'shop', workload: 'cart', port: 8080 },
  http: { method: 'POST', path: '/shop.Cart/Get', headers: { a: ['b', 'c'] } },
  jwt: { claims: { iss: 'i', sub: 's' } },
};

/** The recorded policy sets that somebody wrote and that are small, and a clean mesh in the flow style that templates write. */
export function subjects(): readonly Subject[] {
  const recorded = recordedSets()
    .filter(({ name, manifests }) => manifests.length < 6000 && !name.startsWith('random/'))
    .map(({ name, manifests, requests }) => ({
      name,
      manifests,
      requests: requests.map((request) => JSON.stringify(request)),
      intent: once(() => intentOf(manifests)),
    }));
  const clean = Object.values(CLEAN).join('\n---\n');
  const block = readDocuments('clean.yaml', clean)
    .documents.map(({ value }) => printYaml(value))
    .join('---\n');
  const own = [clean, block].map((manifests, index) => ({
    name: `clean ${index}`,
    manifests,
    requests: [JSON.stringify(CALL)],
    intent: once(() => intentOf(manifests)),
  }));
  return [...own, ...recorded];
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function intentOf(manifests: string): string {
  const mesh = parseMesh(readDocuments('m.yaml', manifests).documents);
  if (!mesh.ok) return '{"version":1,"trustDomain":"td","grants":[],"platform":[]}';
  const profile = PROFILES['istio-1.31'];
  return JSON.stringify(asIntent(mesh.value, reach(mesh.value, { profile })).json, null, 1);
}

/** The case of that number: the same for the same subjects, seed and number. */
export function damagedInput(known: readonly Subject[], seed: number, number: number): DamagedInput {
  const draw = new Draw(seed + number * 7919);
  const subject = draw.of(known);
  const damaged = draw.of(['manifests', 'manifests', 'request', 'intent', 'settings', 'all'] as const);
  const mutated = (name: typeof damaged, text: string): string => {
    if (damaged !== name && damaged !== 'all') return text;
    const edits = draw.list(3, () => [draw.integer(2 ** 30), draw.integer(2 ** 30), draw.integer(2 ** 30)] as const);
    return [[draw.integer(8), draw.integer(2 ** 30), draw.integer(2 ** 30)] as const, ...edits].reduce(mutate, text);
  };
  return {
    verb: draw.of(VERBS),
    manifests: mutated('manifests', subject.manifests),
    request: mutated('request', draw.of(subject.requests)),
    intent: mutated('intent', subject.intent()),
    settings: mutated('settings', draw.chance(0.3) ? SETTINGS : ''),
  };
}
