/** How long a proof of a whole fleet takes, and how it grows. */
import { type Intent, parseIntent } from '#policies/analysis/compare/intent.ts';
import { verifyIntent } from '#policies/analysis/compare/verify.ts';
import { DEFAULT_PROFILE } from '#policies/analysis/profile.ts';
import { readDocuments } from '#policies/language/document.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { newFleet } from './fleet.ts';
import { type Fleet, type GrowthResult, growth } from './growth.ts';
import { type BenchResult, type Body, paired } from './paired.ts';
import { type ResidentResult, resident } from './resident-row.ts';

const SEED = 7;

/** Near linear: a little more than `n log n` has between 1,000 and 10,000. */
const NEAR_LINEAR = 1.15;

/** The rows of the proof benchmark: cost a service as fleets grow tenfold, near linear at most twice the cost. */
export async function benchVerify(): Promise<readonly (BenchResult | GrowthResult | ResidentResult)[]> {
  const whole = resident(10_000, SEED, 1000);
  const [small, middle, bank, large] = [prepare(100), prepare(1000), prepare(1500), prepare(10_000)];
  const grows = { target: { kind: 'atMost', ratio: 2 } } as const;
  return [
    await paired(
      `verify, proof only, a service: 1,000 services (${middle.edges} edges) over 100`,
      small.proof,
      middle.proof,
      {
        ...grows,
        seconds: 0.5,
        operations: { a: 100, b: 1000 },
      },
    ),
    await paired('verify, 1,000 services: YAML, intent and proof over proof alone', middle.proof, middle.whole, {
      limitSeconds: 20,
      operations: { a: 1000, b: 1000 },
    }),
    await paired(
      `verify, proof only, an edge: W3, 1,500 services (${bank.edges} edges) over 1,000`,
      middle.proof,
      bank.proof,
      {
        limitSeconds: 20,
        operations: { a: middle.edges, b: bank.edges },
      },
    ),
    await paired(
      `verify, proof only, a service: 10,000 services (${large.edges} edges) over 1,000`,
      middle.proof,
      large.proof,
      {
        ...grows,
        rounds: 3,
        seconds: 5,
        operations: { a: 1000, b: 10_000 },
      },
    ),
    await growth(
      'verify, proof only: growth from 1,000 to 10,000 services',
      [middle, prepare(2000), prepare(5000), large],
      NEAR_LINEAR,
    ),
    whole,
  ];
}

interface Prepared extends Fleet {
  readonly whole: Body;
}

function prepare(services: number): Prepared {
  const fleet = newFleet(services, SEED);
  const read = () => ({ mesh: readMesh(fleet.yaml), intent: readIntent(fleet.intent) });
  const known = read();
  return { services, edges: fleet.edges, proof: () => prove(known), whole: () => prove(read()) };
}

function prove({ mesh, intent }: { readonly mesh: Mesh; readonly intent: Intent }): void {
  const { obligations } = verifyIntent(mesh, intent, { profile: DEFAULT_PROFILE });
  const open = obligations.filter(({ status }) => status !== 'proved');
  if (open.length > 0) throw new Error(`not proved: ${open.map(({ name, status }) => `${name} ${status}`).join(', ')}`);
}

function readMesh(yaml: string): Mesh {
  const mesh = parseMesh(readDocuments('fleet.yaml', yaml).documents);
  if (!mesh.ok) throw new Error(mesh.problems.map(({ message }) => message).join('\n'));
  return mesh.value;
}

function readIntent(json: string): Intent {
  const intent = parseIntent(JSON.parse(json), 'intent.json');
  if (!intent.ok) throw new Error(intent.problems.map(({ message }) => message).join('\n'));
  return intent.value;
}
