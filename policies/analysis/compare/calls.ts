/** Lists the calls of a diagram: methods and paths in words, and what else they must satisfy. */

import { plainAssignment } from '../symbolic/cheapest.ts';
import { BudgetExceeded, type Node } from '../symbolic/diagram.ts';
import type { AtomicTest } from '../symbolic/formula.ts';
import { holds } from '../symbolic/formula.ts';
import type { SymbolicTokenOutcome } from '../symbolic/token.ts';
import type { Attribute, Universe } from '../symbolic/universe.ts';
import { patternText } from '../symbolic/word-test.ts';

/** Calls with one method and path, exact or patterns; `http` null stands for whatever bytes. */
export interface CallClass {
  readonly http: { readonly method: string; readonly path: string } | null;
  readonly exact: boolean;
  /** What every call of the class satisfies besides, in words. */
  readonly conditions: readonly string[];
  /** The calls of the class, the attributes named above left out. */
  readonly rest: Node;
  /** The atoms of the attributes named above, level by level; 0 elsewhere. */
  readonly atoms: readonly number[];
}

/** Lists the classes of calls in `node`, in which the peer no longer occurs. Errors: throws `BudgetExceeded` beyond 20,000. */
export function callsOf(universe: Universe, node: Node, token: SymbolicTokenOutcome): readonly CallClass[] {
  return new Enumeration(universe, token).list(node);
}

interface Prefix {
  readonly speaks: 'http' | 'raw' | 'any';
  readonly method: Label;
  readonly path: Label;
  readonly atoms: readonly number[];
}

interface Label {
  readonly exact: boolean;
  readonly text: string;
}

/** Prefixes cross suffixes: a thousand of each are a million classes, which nobody reads. */
const MOST_CLASSES = 20_000;
const MOST_CONDITIONS = 400;
const ANY: Label = { exact: false, text: '*' };

class Enumeration {
  readonly #universe: Universe;
  readonly #token: SymbolicTokenOutcome;
  readonly #conditions = new Map<Node, readonly string[]>();
  readonly #found: CallClass[] = [];
  #tests: readonly { readonly test: AtomicTest; readonly words: string }[] | undefined;

  constructor(universe: Universe, token: SymbolicTokenOutcome) {
    this.#universe = universe;
    this.#token = token;
  }

  list(node: Node): readonly CallClass[] {
    this.#visit(node, { speaks: 'any', method: ANY, path: ANY, atoms: plainAssignment(this.#universe) });
    return this.#found;
  }

  #attributeOf(level: number): Attribute | undefined {
    return this.#universe.attributes.findLast(({ first }) => first <= level);
  }

  #visit(node: Node, prefix: Prefix): void {
    const { diagrams } = this.#universe;
    if (node === diagrams.never) return;
    const attribute = node === diagrams.always ? undefined : this.#attributeOf(diagrams.level(node));
    if (attribute === undefined || !['bytes', 'method', 'path'].includes(attribute.name)) {
      if (this.#found.length >= MOST_CLASSES) throw new BudgetExceeded(`more than ${MOST_CLASSES} classes of calls`);
      const speaksHttp = prefix.speaks === 'http' || prefix.method !== ANY || prefix.path !== ANY;
      this.#found.push({
        http: speaksHttp ? { method: prefix.method.text, path: prefix.path.text } : null,
        exact: speaksHttp ? prefix.method.exact && prefix.path.exact : true,
        conditions: this.#conditionsOf(node),
        rest: node,
        atoms: prefix.atoms,
      });
      return;
    }
    this.#branches(
      attribute,
      node,
      attribute.variable.levels.map(() => 0),
      (child, values) => {
        const label = attribute.variable.describe(values);
        const atoms = prefix.atoms.toSpliced(attribute.first, values.length, ...values);
        if (attribute.name === 'bytes')
          this.#visit(child, { ...prefix, atoms, speaks: label.text === 'http' ? 'http' : 'raw' });
        else this.#visit(child, { ...prefix, atoms, [attribute.name]: label });
      },
    );
  }

  /** Goes through the levels of one attribute; the child has left them behind. */
  #branches(
    attribute: Attribute,
    node: Node,
    atoms: readonly number[],
    enter: (child: Node, atoms: readonly number[]) => void,
  ): void {
    const { diagrams } = this.#universe;
    const level = diagrams.level(node);
    if (node <= 1 || level >= attribute.first + attribute.variable.levels.length) {
      if (node !== diagrams.never) enter(node, atoms);
      return;
    }
    const at = level - attribute.first;
    this.#branches(attribute, diagrams.fallback(node), atoms.with(at, 0), enter);
    diagrams.values(node).forEach((value, index) => {
      this.#branches(attribute, diagrams.children(node)[index] ?? diagrams.never, atoms.with(at, value), enter);
    });
  }

  /** The tests that conditions may be said with; none where there are more than anybody reads. */
  #sayable(): readonly { readonly test: AtomicTest; readonly words: string }[] {
    this.#tests ??= this.#universe.tests().flatMap((test) => {
      const words = testText(test);
      return words === undefined ? [] : [{ test, words }];
    });
    return this.#tests.length > MOST_CONDITIONS ? [] : this.#tests;
  }

  /** The tests that hold, or fail, on all of `node`; says so when they do not say everything. */
  #conditionsOf(node: Node): readonly string[] {
    const known = this.#conditions.get(node);
    if (known !== undefined) return known;
    const { diagrams } = this.#universe;
    const found: string[] = [];
    let said = diagrams.always;
    const say = (words: string, holding: Node): void => {
      if (diagrams.minus(node, holding) !== diagrams.never || diagrams.minus(said, holding) === diagrams.never) return;
      found.push(words);
      said = diagrams.and(said, holding);
    };
    // a universe without tokens belongs to a decision that reads none: there is nothing to say of them
    if (node !== diagrams.always && this.#universe.attributes.some(({ name }) => name === 'token')) {
      const accepted = this.#universe.node(this.#token.accepted);
      const present = this.#universe.node(holds({ on: 'token', is: 'present' }));
      say('an accepted token', accepted);
      if (this.#token.accepted.kind !== 'never')
        say('no token or an accepted one', diagrams.or(accepted, diagrams.not(present)));
    }
    for (const { test, words } of node === diagrams.always ? [] : this.#sayable()) {
      const holding = this.#universe.node(holds(test));
      say(words, holding);
      say(`not ${words}`, diagrams.not(holding));
    }
    for (const on of said === node ? [] : (['domain', 'serverName'] as const)) {
      const { words, holding } = this.#domainsOf(node, on);
      if (words !== '') say(words, holding);
    }
    if (said !== node) found.push('further conditions of the rules');
    this.#conditions.set(node, found);
    return found;
  }

  /** The domains that calls of `node` go to, all of them together; TLS servers also take calls that state no name. */
  #domainsOf(node: Node, on: 'domain' | 'serverName'): { readonly words: string; readonly holding: Node } {
    const { diagrams } = this.#universe;
    const met = this.#sayable().flatMap(({ test }) => {
      if (test.on !== on) return [];
      const holding = this.#universe.node(holds(test));
      return diagrams.and(node, holding) === diagrams.never ? [] : [{ domain: test.domain, holding }];
    });
    if (met.length === 0) return { words: '', holding: diagrams.always };
    const unstated = on === 'serverName' ? [this.#universe.node(UNSTATED)] : [];
    // a domain that the others cover says nothing
    const needed = met.reduce((kept, one) => {
      const others = kept.filter((other) => other !== one);
      const covered = diagrams.some([...others.map(({ holding }) => holding), ...unstated]);
      return others.length > 0 && diagrams.minus(node, covered) === diagrams.never ? others : kept;
    }, met);
    const names = needed.map(({ domain }) => domain).toSorted();
    return {
      words: on === 'domain' ? `host ${names.join(' or ')}` : `sni ${names.join(' or ')} or none stated`,
      holding: diagrams.some([...needed.map(({ holding }) => holding), ...unstated]),
    };
  }
}

/** What routes of TLS servers ask beside names: no SNI is stated, and the host counts. */
const UNSTATED = holds({ on: 'sni', pattern: { kind: 'exact', value: '' } });

/** A test in words; undefined for those that callers, methods and paths already say. */
function testText(test: AtomicTest): string | undefined {
  switch (test.on) {
    case 'peer':
    case 'peers':
    case 'uri':
    case 'certificate':
    case 'method':
    case 'path':
    case 'acceptedPath':
    case 'bytes':
      return undefined;
    case 'pathAndQuery':
      return `request.headers[:path] ${patternText(test.pattern)}`;
    case 'address':
      return `${test.of} address in a block of ${test.block.bits} bits`;
    case 'header':
      return `request.headers[${test.name}] ${patternText(test.pattern)}`;
    case 'claim':
      return `request.auth.claims${test.path.map((key) => `[${key}]`).join('')} ${patternText(test.pattern)}`;
    case 'metadata': {
      const [filter, key] = test.key;
      const words = patternText(test.pattern);
      return `experimental.${filter}[${key}] ${test.form === 'list' ? `[${words}]` : words}`;
    }
    case 'issuer':
      return `request.auth.claims[iss] ${patternText(test.pattern)}`;
    case 'token':
      return 'a token is present';
    case 'fault':
      return `the token's fault is ${test.is}`;
    case 'domain':
      return `host ${test.domain}`;
    case 'serverName':
      return `sni ${test.domain}`;
    case 'route':
      return test.of === 'path' || test.of === 'method' ? undefined : routeTestText(test);
    case 'undecided':
    case 'hostAsName':
      return undefined;
    default:
      return `${test.on} ${patternText(test.pattern)}`;
  }
}

function routeTestText({ of, match }: Extract<AtomicTest, { on: 'route' }>): string {
  const name = of.startsWith('header ') ? `request.headers[${of.slice('header '.length)}]` : of;
  return match.kind === 'any' ? `${name} *` : `${name} ${match.kind} ${match.value}`;
}
