/**
 * Mutates manifests and finds out who notices: `verify`, a small set of requests, `lint`, or admission. Read this file
 * first, then `callee.ts`, where a mutant is held against the original, and `operators/`.
 */
import type { SourceDocument } from '../../language/document.ts';
import type { Mesh } from '../../language/mesh.ts';
import type { ParseOptions } from '../../language/parse.ts';
import { toAnswer } from '../answer.ts';
import { UNDECLARED, undeclaredWorkload } from '../compare/destinations.ts';
import type { ObligationName } from '../compare/obligation.ts';
import { decideNaively } from '../naive.ts';
import type { Request } from '../request.ts';
import type { IssuerKeys } from '../token.ts';
import { changedLayers } from './layers.ts';
import { type Materials, type Mutant, materialsOf, mutantsOf, operator } from './mutant.ts';
import type { Confirmed, Fate, Mutation, Probe, Trial } from './mutation.ts';
import { OPERATORS } from './operators.ts';
import { LintOracle, type OracleOptions, VerifyOracle } from './oracle.ts';
import { chooseProbes } from './probe-set.ts';
import { drawer, sampleOf } from './sampling.ts';
import { type Parsed, Survey, type Version } from './survey.ts';
import { Original, type Variant } from './variant.ts';
import { jointWitnesses, tryFindWitness, type Witness } from './witness.ts';

/** What is mutated, and how. */
export interface MutationInput extends OracleOptions {
  readonly mesh: Mesh;
  readonly documents: readonly SourceDocument[];
  readonly parseOptions: ParseOptions;
  readonly issuerKeys: IssuerKeys;
  /** At most so many mutants, drawn from the seed. @default - all */
  readonly limit: number | null;
  /** So many pairs of mutants besides. */
  readonly pairs: number;
  readonly seed: number;
  /** Called after each step of the work. */
  readonly progress?: (step: 'mutants tried' | 'ports compared' | 'mutants judged') => void;
}

/** Runs everything. */
export function mutate(input: MutationInput): Mutation {
  return new Mutator(input).run();
}

/** The mutants of an input: first-order ones, or a sample of them, and pairs of them that change different documents. */
export function drawMutants(
  input: Pick<MutationInput, 'mesh' | 'documents' | 'limit' | 'pairs' | 'seed'>,
): readonly Mutant[] {
  const materials: Materials = materialsOf(input.mesh, input.documents);
  const draw = drawer(input.seed);
  const all = mutantsOf(OPERATORS, materials);
  const first = input.limit === null ? all : sampleOf(all, input.limit, draw);
  return [...first, ...pairsOf(all, input.pairs, draw)];
}

/** The operator of pairs. */
const PAIR = operator('pair', 'two mutants at once', () => []);

function pairsOf(all: readonly Mutant[], count: number, draw: (bound: number) => number): readonly Mutant[] {
  const pairs = new Map<string, Mutant>();
  for (let attempt = 0; pairs.size < count && attempt < count * 20 && all.length > 1; attempt += 1) {
    const [one, two] = [all[draw(all.length)], all[draw(all.length)]];
    if (one === undefined || two === undefined || one.object === two.object) continue;
    const id = `${one.id}+${two.id}`;
    const { object, at } = one;
    const what = `${one.what}; and in ${two.object}: ${two.what}`;
    pairs.set(id, { id, operator: PAIR, object, at, what, changes: () => [...one.changes(), ...two.changes()] });
  }
  return [...pairs.values()];
}

/** Where each mutant's change stands among those of all, by file and line. */
function orderOfPlaces(mutants: readonly Mutant[]): readonly number[] {
  const byPlace = [...mutants.keys()].toSorted((left, right) => {
    const [one, two] = [mutants[left]?.at, mutants[right]?.at];
    if (one === undefined || two === undefined || one.file === two.file) return (one?.line ?? 0) - (two?.line ?? 0);
    return one.file < two.file ? -1 : 1;
  });
  const order: number[] = [];
  byPlace.forEach((mutant, index) => {
    order[mutant] = index;
  });
  return order;
}

class Mutator {
  readonly #input: MutationInput;
  readonly #original: Original;
  readonly #survey: Survey;
  readonly #verify: VerifyOracle;
  readonly #lint: LintOracle;
  readonly #mutants: readonly Mutant[];
  readonly #rejected = new Map<number, Fate>();
  readonly #killers = new Map<number, ObligationName>();
  readonly #unknown = new Map<number, string>();
  readonly #nearest = new Map<number, Witness>();
  readonly #witnesses: Witness[] = [];

  constructor(input: MutationInput) {
    this.#input = input;
    this.#original = new Original(input.mesh, input.documents, input.parseOptions);
    this.#survey = new Survey(input.mesh, { profile: input.profile, issuerKeys: input.issuerKeys });
    this.#verify = new VerifyOracle(this.#survey, input);
    this.#lint = new LintOracle(input, input);
    this.#mutants = drawMutants(input);
  }

  run(): Mutation {
    for (const index of this.#mutants.keys()) this.#try(index);
    this.#compare();
    const grants = this.#input.intent?.grants.length ?? null;
    const probes = chooseProbes(this.#witnesses);
    const killedBy = new Map<number, number>();
    const written = probes.map((witness, index): Probe => this.#probe(witness, `probe-${index + 1}`));
    probes.forEach(({ kills }, index) => {
      for (const mutant of kills) if (!killedBy.has(mutant)) killedBy.set(mutant, index + 1);
    });
    const trials = this.#mutants.map((_, index) => this.#judge(index, { probes, killedBy }));
    return { trials, probes: written, grants, refutedBefore: this.#verify.refutedBefore };
  }

  #variant(index: number): Variant {
    return this.#original.variant(this.#mutants[index]?.changes() ?? []);
  }

  #try(index: number): void {
    const variant = this.#variant(index);
    if (variant.kind === 'rejected') {
      const [first] = variant.problems;
      this.#rejected.set(index, { kind: 'rejected', code: first?.code ?? '', message: first?.message ?? '' });
    } else {
      this.#survey.note(index, variant);
      const killer = this.#verify.killer(variant);
      if (killer !== null) this.#killers.set(index, killer);
    }
    this.#input.progress?.('mutants tried');
  }

  #compare(): void {
    const places = orderOfPlaces(this.#mutants);
    for (const callee of this.#survey.callees()) {
      const comparison = callee.compare((mutant) => places[mutant] ?? 0);
      for (const [mutant, because] of comparison.unknown) this.#unknown.set(mutant, because);
      for (const witness of jointWitnesses(callee, comparison)) this.#witnesses.push(witness);
      for (const mutant of callee.mutants()) {
        if (this.#killers.has(mutant) || this.#nearest.has(mutant)) continue;
        const witness = tryFindWitness(callee, comparison, mutant);
        if (witness !== undefined) this.#nearest.set(mutant, witness);
      }
      this.#input.progress?.('ports compared');
    }
  }

  #judge(
    index: number,
    { probes, killedBy }: { readonly probes: readonly Witness[]; readonly killedBy: ReadonlyMap<number, number> },
  ): Trial {
    this.#input.progress?.('mutants judged');
    const mutant = this.#mutants[index] as Mutant;
    const verify = this.#killers.get(index) ?? null;
    const rejected = this.#rejected.get(index);
    const none = { mutant, lint: null, probe: null, witness: null };
    if (rejected !== undefined) return { ...none, fate: rejected, verify };
    const variant = this.#variant(index);
    if (variant.kind === 'rejected') throw new Error('a mutant was accepted once and then refused');
    const version = this.#survey.version(variant);
    for (const witness of probes) if (witness.kills.has(index)) this.#confirm(mutant, version, witness);
    const nearest = this.#nearest.get(index) ?? this.#byChance(index, version);
    const isDifferent = nearest !== undefined || this.#witnesses.some(({ kills }) => kills.has(index));
    const fate: Fate = isDifferent ? { kind: 'different' } : this.#fateOf(index, variant);
    const seeks = verify === null && fate.kind !== 'equivalent';
    return {
      mutant,
      fate,
      verify,
      lint: seeks ? this.#lint.killer(variant) : null,
      probe: killedBy.get(index) ?? null,
      witness: verify === null && nearest !== undefined ? this.#confirm(mutant, version, nearest) : null,
    };
  }

  /** A mutant that took too much to compare may be told from the original by a request that was found for another. */
  #byChance(index: number, version: Version): Witness | undefined {
    if (!this.#unknown.has(index)) return undefined;
    return this.#witnesses.find(
      ({ request }) => this.#allows(this.#survey.original, request) !== this.#allows(version, request),
    );
  }

  #fateOf(index: number, variant: Parsed): Fate {
    const because = this.#unknown.get(index);
    if (because !== undefined) return { kind: 'unknown', because };
    const layers = changedLayers(this.#survey, variant);
    if ('unknown' in layers) return { kind: 'unknown', because: layers.unknown };
    if (layers.length > 0) return { kind: 'hidden', layers };
    return { kind: 'equivalent' };
  }

  /** Decides with both versions. Errors: throws when they agree, which would be a bug of the comparison. */
  #confirm({ id, object, what }: Mutant, version: Version, { json, request }: Witness): Confirmed {
    const [original, mutant] = [this.#survey.original, version].map((each) => this.#decide(each, request));
    if (original === undefined || mutant === undefined || original.allowed === mutant.allowed)
      throw new Error(
        `a request was to tell ${id} (${object}: ${what}) from the original, and does not: ${JSON.stringify(json)}`,
      );
    return { request: json, original: toAnswer(request, original), mutant: toAnswer(request, mutant) };
  }

  #probe({ json, request, kills }: Witness, id: string): Probe {
    const expected = this.#allows(this.#survey.original, request) ? 'allow' : 'deny';
    return { request: { ...json, id }, expected, kills: kills.size };
  }

  #allows(version: Version, request: Request): boolean {
    return this.#decide(version, request).allowed;
  }

  #decide(version: Version, request: Request) {
    const { destination, caller } = request;
    const source = caller.kind === 'workload' ? caller.reference.namespace : destination.namespace;
    const mesh = version.view.between(source, destination.namespace);
    const undeclared = [...new Set([source, destination.namespace])].map(undeclaredWorkload);
    const declared = mesh.workloads.filter(({ name }) => name !== UNDECLARED);
    const { profile, issuerKeys } = this.#input;
    return decideNaively({ mesh: { ...mesh, workloads: [...declared, ...undeclared] }, profile, issuerKeys }, request);
  }
}
