/** What a client certificate says of its owner: any set of URI SANs, DNS SANs and a subject. */

import type { WordSpace } from './affix-variable.ts';
import { MOST_ELEMENTS } from './atom-variable.ts';
import { BudgetExceeded, type Diagrams, type Node } from './diagram.ts';
import type { Description, Variable } from './variable.ts';
import { WordAtoms } from './word-atoms.ts';
import type { WordTest } from './word-test.ts';

/** The texts of a certificate; what stands in `names` rules read and handshakes do not. */
export interface CertificateTexts {
  readonly uris: readonly string[];
  readonly names: readonly string[];
}

interface Element {
  readonly atom: number;
  /** A handshake asks for URI SANs of the class: then it matters whether the text is one. */
  readonly kinds: 'one' | 'both';
  /** Its first level, counted from that of the variable. */
  readonly offset: number;
}

/**
 * A set of texts, of which a test accepts some: one level with two atoms for each class of texts that a test names, two
 * where handshakes read the class. The level in front tells a certificate from none (value null).
 */
export class CertificateVariable implements Variable<CertificateTexts | null> {
  readonly name: string;
  readonly levels: readonly number[];
  readonly #atoms: WordAtoms;
  readonly #elements: readonly Element[];

  /** `handshakes` are the keys of tests that look at URI SANs alone. */
  constructor(
    name: string,
    tests: ReadonlyMap<string, WordTest>,
    { space, handshakes }: { readonly space: WordSpace; readonly handshakes: ReadonlySet<string> },
  ) {
    this.name = name;
    this.#atoms = new WordAtoms(tests, space);
    const read = this.#atoms.witnesses.map(() => false);
    for (const key of handshakes) for (const [atom, sign] of this.#atoms.accepting(key).entries()) read[atom] ||= sign;
    const elements: Element[] = [];
    let offset = 1;
    for (const [atom] of this.#atoms.witnesses.entries()) {
      if (!this.#atoms.isNamed(atom)) continue;
      const kinds = read[atom] === true ? 'both' : 'one';
      elements.push({ atom, kinds, offset });
      offset += kinds === 'both' ? 2 : 1;
    }
    if (elements.length > MOST_ELEMENTS)
      throw new BudgetExceeded(`${elements.length} classes of SANs, of which certificates may hold any set`);
    this.#elements = elements;
    this.levels = new Array<number>(offset).fill(2);
  }

  /** When some text of the certificate is accepted. */
  node(diagrams: Diagrams, first: number, key: string): Node {
    return this.#contains(diagrams, first, { key, kinds: 'any' });
  }

  /** When some URI SAN is accepted. */
  uriNode(diagrams: Diagrams, first: number, key: string): Node {
    return this.#contains(diagrams, first, { key, kinds: 'uri' });
  }

  #contains(
    diagrams: Diagrams,
    first: number,
    { key, kinds }: { readonly key: string; readonly kinds: 'any' | 'uri' },
  ) {
    const signs = this.#atoms.accepting(key);
    const levels = this.#elements.flatMap((element) => {
      if (signs[element.atom] !== true) return [];
      const level = first + element.offset;
      return element.kinds === 'both' && kinds === 'any' ? [level, level + 1] : [level];
    });
    const some = levels
      .toReversed()
      .reduce((rest, level) => diagrams.node(level, rest, [1], [diagrams.always]), diagrams.never);
    return diagrams.node(first, some, [1], [diagrams.never]);
  }

  /** The node that is true where there is a certificate. */
  present(diagrams: Diagrams, first: number): Node {
    return diagrams.node(first, diagrams.always, [1], [diagrams.never]);
  }

  /** Which texts of a level are shown rather than others: URI SANs first, of classes that few tests accept. */
  rankOf(level: number): number {
    const isName = this.#elements.some(({ kinds, offset }) => kinds === 'both' && offset + 1 === level);
    return level / this.levels.length + Number(isName);
  }

  encode(value: CertificateTexts | null): readonly number[] {
    const atoms = this.levels.map(() => 0);
    if (value === null) return atoms.with(0, 1);
    const [uris, names] = [value.uris, value.names].map((texts) => new Set(texts.map((text) => this.#atoms.of(text))));
    for (const { atom, kinds, offset } of this.#elements) {
      const [isUri, isName] = [uris?.has(atom) === true, names?.has(atom) === true];
      atoms[offset] = Number(kinds === 'both' ? isUri : isUri || isName);
      if (kinds === 'both') atoms[offset + 1] = Number(isName);
    }
    return atoms;
  }

  decode(atoms: readonly number[]): CertificateTexts | null {
    if (atoms[0] === 1) return null;
    const witnesses = (isHeld: (element: Element) => boolean) =>
      this.#elements.filter(isHeld).map(({ atom }) => this.#atoms.witnesses[atom] ?? '');
    return {
      uris: witnesses(({ offset }) => atoms[offset] === 1),
      names: witnesses(({ kinds, offset }) => kinds === 'both' && atoms[offset + 1] === 1),
    };
  }

  describe(atoms: readonly number[]): Description {
    const texts = this.decode(atoms);
    return { exact: false, text: texts === null ? '' : [...texts.uris, ...texts.names].join(' + ') };
  }
}
