/** The requests considered possible: every attribute that some formula reads, split into atoms, in one fixed order. */
import type { MeshConfig } from '../../language/mesh.ts';
import type { Address } from '../request.ts';
import { AddressVariable } from './address-variable.ts';
import { AffixVariable, type WordSpace } from './affix-variable.ts';
import { AtomVariable, SetVariable } from './atom-variable.ts';
import { CertificateVariable } from './certificate-variable.ts';
import { type ClaimForms, ClaimVariable, claimKey } from './claim-variable.ts';
import { BudgetExceeded, Diagrams, type Node } from './diagram.ts';
import { Effort } from './effort.ts';
import { type AtomicTest, type Formula, testsOf } from './formula.ts';
import { domainTest, routeTest } from './route-words.ts';
import { bytesVariable, faultVariable, spaceOf, tokenVariable } from './spaces.ts';
import { keyOf, type Variable } from './variable.ts';
import { hostTest, pathTest, peersTest, peerTest, plainTest, type WordTest } from './word-test.ts';

/** What a universe is made for. */
export interface UniverseOptions {
  readonly config: MeshConfig;
  readonly headers: 'individual' | 'joined';
  /** Whether certificates hold exactly one URI SAN, as an X.509-SVID does, or any set of SANs and a subject. */
  readonly peers: 'single' | 'sets';
  /** Identities that get an atom of their own although no formula names them. */
  readonly identities: readonly string[];
  /** Nodes and operations at most. @default - what the effort grants */
  readonly budget?: number;
  /** What the universes of one question share. @default - a new one */
  readonly effort?: Effort;
}

/** One attribute with the place of its levels. */
export type Attribute = { readonly first: number; readonly name: string } & (
  | { readonly kind: 'word'; readonly variable: Variable<string | null> }
  | {
      readonly kind: 'set';
      readonly variable: Variable<readonly string[] | null>;
      /** Whether a claim's text counts word by word. */
      readonly reading: 'whole' | 'words';
    }
  | { readonly kind: 'claim'; readonly variable: ClaimVariable }
  | { readonly kind: 'certificate'; readonly variable: CertificateVariable }
  | { readonly kind: 'address'; readonly variable: Variable<Address | null> }
);

type Made =
  | { readonly kind: 'word'; readonly variable: Variable<string | null> & Partial<Presence> }
  | {
      readonly kind: 'set';
      readonly variable: Variable<readonly string[] | null> & Presence;
      readonly reading: 'whole' | 'words';
    }
  | { readonly kind: 'claim'; readonly variable: ClaimVariable & Partial<Presence> }
  | { readonly kind: 'certificate'; readonly variable: CertificateVariable }
  | { readonly kind: 'address'; readonly variable: Variable<Address | null> & Presence };

interface Presence {
  present(diagrams: Diagrams, first: number): Node;
}

/** How the attributes are named that hold what a filter set: `metadata text [filter,key]`. */
export const METADATA_TEXT = 'metadata text ';
/** The same of lists. */
export const METADATA_LIST = 'metadata list ';

/** Diagrams are gone through level by level, each a call within a call: more would exhaust the stack. */
const MOST_LEVELS = 2000;

const ORDER = ['peer', 'bytes', 'method', 'path', 'host', 'token', 'fault', 'issuer', 'claim', 'header'];

/** The atoms of all tests of some formulas, and the diagrams over them. */
export class Universe {
  readonly diagrams: Diagrams;
  readonly attributes: readonly Attribute[];
  /** The number of atoms of every level. */
  readonly levels: readonly number[];
  readonly #tests: readonly AtomicTest[];
  readonly #made = new Map<string, Made & { readonly first: number }>();
  readonly #nodes = new Map<Formula, Node>();
  readonly #asSent: boolean;
  /** Whether the attribute `path` holds the query too, because some rule reads both. */
  readonly query: 'none' | 'possible';

  /** Errors: throws `BudgetExceeded` where atoms would take more than the budget. */
  constructor(formulas: readonly Formula[], options: UniverseOptions) {
    const { effort = new Effort(), budget = effort.grant } = options;
    this.diagrams = new Diagrams(budget, effort);
    const tests = group(testsOf(formulas));
    const [undecided] = tests.get('undecided') ?? [];
    if (undecided?.on === 'undecided') throw new BudgetExceeded(undecided.because);
    this.#asSent = tests.get('host')?.some((test) => test.on === 'authority' || test.on === 'route') === true;
    this.query = tests.get('path')?.some((test) => test.on === 'pathAndQuery') === true ? 'possible' : 'none';
    for (const identity of options.identities) {
      const pattern = { kind: 'principal', pattern: { kind: 'exact', value: identity } } as const;
      tests.get('peer')?.push({ on: 'peer', pattern });
    }
    this.#tests = [...tests.values()].flat();
    const levels: number[] = [];
    const attributes: Attribute[] = [];
    for (const name of [...tests.keys()].toSorted(byOrder(options.peers))) {
      const made = this.#make(name, tests.get(name) ?? [], options);
      const first = levels.length;
      for (const level of made.variable.levels) levels.push(level);
      this.#made.set(name, { ...made, first });
      attributes.push({ ...made, first, name } as Attribute);
    }
    if (levels.length > MOST_LEVELS) throw new BudgetExceeded(`${levels.length} classes of attributes`);
    this.levels = levels;
    this.attributes = attributes;
  }

  #make(name: string, tests: readonly AtomicTest[], options: UniverseOptions): Made {
    if (name === 'bytes') return { kind: 'word', variable: bytesVariable() };
    if (name === 'token') return { kind: 'word', variable: tokenVariable() };
    if (name === 'fault') return { kind: 'word', variable: faultVariable() };
    if (tests[0]?.on === 'address') {
      const blocks = new Map(tests.flatMap((test) => (test.on === 'address' ? [[keyOf(test.block), test.block]] : [])));
      return { kind: 'address', variable: new AddressVariable(name, [...blocks.values()]) };
    }
    const claims = tests.filter((test) => test.on === 'claim');
    const readings = new Set(claims.map(({ as }) => as));
    const space = spaceOf(name, options.config, { query: this.query, host: this.#asSent ? 'asSent' : 'lowerCase' });
    if (readings.size > 1 || readings.has('written'))
      return { kind: 'claim', variable: new ClaimVariable(name, claims, { space, forms: formsOf(name) }) };
    const words = this.#wordTests(tests);
    if (name === 'peer' && options.peers === 'sets') {
      const handshakes = tests.flatMap((test) => (test.on === 'uri' ? [testKey(test)] : []));
      return {
        kind: 'certificate',
        variable: new CertificateVariable(name, words, { space, handshakes: new Set(handshakes) }),
      };
    }
    if (isSet(name, options)) {
      const reading = readings.has('words') ? 'words' : 'whole';
      return { kind: 'set', variable: new SetVariable(name, words, space), reading };
    }
    return { kind: 'word', variable: wordVariable(name, words, space) };
  }

  #wordTests(tests: readonly AtomicTest[]): ReadonlyMap<string, WordTest> {
    const found = new Map<string, WordTest>();
    for (const test of tests) {
      const word = wordTest(test, this.query, this.#asSent ? 'asSent' : 'lowerCase');
      if (word !== undefined) found.set(word.key, word);
    }
    return found;
  }

  /** Whether the attribute `host` is the authority as sent, because some rule reads it so. */
  get host(): 'asSent' | 'lowerCase' {
    return this.#asSent ? 'asSent' : 'lowerCase';
  }

  /** Every test that was given, each once. */
  tests(): readonly AtomicTest[] {
    return [...new Map(this.#tests.map((test) => [keyOf(test), test])).values()];
  }

  /** The diagram of a formula whose tests were given when the universe was made. */
  node(formula: Formula): Node {
    switch (formula.kind) {
      case 'always':
        return this.diagrams.always;
      case 'never':
        return this.diagrams.never;
      default: {
        const known = this.#nodes.get(formula);
        if (known !== undefined) return known;
        const made = formula.kind === 'test' ? this.#test(formula.test) : this.#combine(formula);
        this.#nodes.set(formula, made);
        return made;
      }
    }
  }

  #combine(formula: Extract<Formula, { kind: 'not' | 'all' | 'some' }>): Node {
    if (formula.kind === 'not') return this.diagrams.not(this.node(formula.part));
    const parts = formula.parts.map((part) => this.node(part));
    return formula.kind === 'all' ? this.diagrams.all(parts) : this.diagrams.some(parts);
  }

  #test(test: AtomicTest): Node {
    const made = this.#made.get(nameOf(test));
    if (made === undefined) throw new Error(`the universe does not know the test ${JSON.stringify(test)}`);
    if (test.on === 'certificate' || test.on === 'acceptedPath')
      return made.variable.present?.(this.diagrams, made.first) ?? this.diagrams.always;
    if (test.on === 'claim' && made.kind === 'claim')
      return made.variable.node(this.diagrams, made.first, claimKey(test));
    const key = testKey(test);
    if (test.on === 'uri' && made.kind === 'certificate') return made.variable.uriNode(this.diagrams, made.first, key);
    return made.variable.node(this.diagrams, made.first, key);
  }

  /**
   * What couples attributes: a claim that is text or a list has no claims below it, and a connection has an address.
   */
  possible(): Node {
    const coupled: Node[] = [];
    const claims = this.attributes.filter(({ name }) => name.startsWith('claim '));
    for (const outer of claims) {
      for (const inner of claims) {
        if (!inner.name.startsWith(`${outer.name.slice(0, -1)},`)) continue;
        coupled.push(this.diagrams.not(this.diagrams.and(this.#filled(outer), this.#filled(inner))));
      }
    }
    for (const attribute of claims) coupled.push(this.#readable(attribute));
    for (const text of this.attributes.filter(({ name }) => name.startsWith(METADATA_TEXT))) {
      const list = this.attributes.find(({ name }) => name === text.name.replace(METADATA_TEXT, METADATA_LIST));
      const isText = this.#made.get(text.name)?.variable.present?.(this.diagrams, text.first) ?? this.diagrams.never;
      if (list !== undefined) coupled.push(this.diagrams.not(this.diagrams.and(isText, this.#filled(list))));
    }
    for (const [name, made] of this.#made) {
      if (made.kind === 'address' && name !== 'destination')
        coupled.push(made.variable.present(this.diagrams, made.first));
    }
    return this.diagrams.all(coupled);
  }

  /** Claims of which verifiers take one type are of that type: a token with another is refused as a whole. */
  #readable(attribute: Attribute): Node {
    const { first, variable, name, kind } = attribute;
    if (attribute.kind === 'claim') return attribute.variable.readable(this.diagrams, first);
    if (kind !== 'set' || formsOf(name) !== 'text') return this.diagrams.always;
    const { always, never } = this.diagrams;
    // one element at most: with the first of them the others are not there
    return variable.levels.reduceRight(
      ({ one, no }, _, index) => ({
        one: this.diagrams.node(first + index, one, [1], [no]),
        no: this.diagrams.node(first + index, no, [1], [never]),
      }),
      { one: always, no: always },
    ).one;
  }

  #filled(attribute: Attribute): Node {
    const { first, variable } = attribute;
    if (attribute.kind === 'claim') return attribute.variable.filled(this.diagrams, first);
    return this.diagrams.some(
      variable.levels.map((_, index) =>
        this.diagrams.node(first + index, this.diagrams.never, [1], [this.diagrams.always]),
      ),
    );
  }
}

/** Which values a verifier can read of a claim; the issuer is a variable of its own. Source: Envoy jwt_verify_lib `Jwt::parseFromString`. */
export function formsOf(name: string): ClaimForms {
  if (name === 'claim ["sub"]' || name === 'claim ["jti"]') return 'text';
  return name === 'claim ["aud"]' ? 'textOrList' : 'any';
}

function isSet(name: string, options: UniverseOptions): boolean {
  if (name === 'header cookie') return false;
  if (name.startsWith(METADATA_LIST)) return true;
  return name.startsWith('claim ') || (name.startsWith('header ') && options.headers === 'individual');
}

function wordVariable(
  name: string,
  tests: ReadonlyMap<string, WordTest>,
  space: WordSpace,
): AffixVariable | AtomVariable {
  const plain = [...tests.values()].every(({ pattern }) => pattern !== null);
  return plain ? new AffixVariable(name, tests, space) : new AtomVariable(name, tests, space);
}

function wordTest(test: AtomicTest, query: 'none' | 'possible', host: 'lowerCase' | 'asSent'): WordTest | undefined {
  switch (test.on) {
    case 'peer':
    case 'uri':
      return peerTest(test.pattern);
    case 'peers':
      return peersTest(test.patterns);
    case 'path':
    case 'pathAndQuery':
      return pathTest(test, query);
    case 'host':
    case 'authority':
      return hostTest(test, host);
    case 'domain':
    case 'serverName':
    case 'hostAsName':
      return domainTest(test, host === 'asSent' ? 'ignored' : 'exact');
    case 'route':
      return routeTest(test, query);
    case 'sni':
    case 'method':
    case 'issuer':
    case 'header':
    case 'claim':
    case 'metadata':
      return plainTest(test.pattern);
    default:
      return undefined;
  }
}

/** The key under which a variable knows the test. */
function testKey(test: Exclude<AtomicTest, { on: 'certificate' | 'acceptedPath' }>): string {
  switch (test.on) {
    case 'address':
      return keyOf(test.block);
    case 'path':
    case 'pathAndQuery':
    case 'host':
    case 'authority':
    case 'domain':
    case 'serverName':
    case 'hostAsName':
    case 'route':
    case 'undecided':
      return keyOf(test);
    case 'peers':
      return keyOf(test.patterns);
    case 'token':
    case 'fault':
    case 'bytes':
      return test.is;
    default:
      return keyOf(test.pattern);
  }
}

/** The attribute that a test reads. */
function nameOf(test: AtomicTest): string {
  switch (test.on) {
    case 'peer':
    case 'peers':
    case 'uri':
    case 'certificate':
      return 'peer';
    case 'address':
      return test.of;
    case 'host':
    case 'authority':
    case 'domain':
    case 'hostAsName':
      return 'host';
    case 'serverName':
      return 'sni';
    case 'route':
      return test.of === 'authority' ? 'host' : test.of;
    case 'path':
    case 'pathAndQuery':
    case 'acceptedPath':
      return 'path';
    case 'header':
      return `header ${test.name}`;
    case 'claim':
      return `claim ${JSON.stringify(test.path)}`;
    case 'metadata':
      return `${test.form === 'text' ? METADATA_TEXT : METADATA_LIST}${JSON.stringify(test.key)}`;
    default:
      return test.on;
  }
}

function group(tests: readonly AtomicTest[]): Map<string, AtomicTest[]> {
  const groups = new Map<string, AtomicTest[]>();
  for (const test of tests) {
    const name = nameOf(test);
    const known = groups.get(name);
    if (known === undefined) groups.set(name, [test]);
    else known.push(test);
  }
  return groups;
}

/**
 * One identity comes first, since it decides most. A set of them comes last: which of them are there matters path by
 * path, and each path asks for few, where every subset of all callers would be a node of its own.
 */
function byOrder(peers: UniverseOptions['peers']): (left: string, right: string) => number {
  const rank = (name: string) => {
    if (name === 'peer' && peers === 'sets') return ORDER.length + 1;
    const space = name.indexOf(' ');
    const found = ORDER.indexOf(space < 0 ? name : name.slice(0, space));
    return found < 0 ? ORDER.length : found;
  };
  return (left, right) => rank(left) - rank(right) || (left < right ? -1 : 1);
}
