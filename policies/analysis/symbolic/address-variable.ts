/** Addresses under blocks: the intervals between the ends of all blocks, for each family. */
import type { Cidr } from '../../language/authorization.ts';
import { holds } from '../matching.ts';
import type { Address } from '../request.ts';
import type { Diagrams, Node } from './diagram.ts';
import { type Description, keyOf, type Variable } from './variable.ts';

const MISSING = 1;

/** The variable of one address; null is an address that is not known. */
export class AddressVariable implements Variable<Address | null> {
  readonly name: string;
  readonly levels: readonly number[];
  readonly #blocks: readonly Cidr[];
  readonly #bySigns = new Map<string, number>();
  readonly #witnesses: Address[] = [];
  readonly #signs: string[] = [];

  constructor(name: string, blocks: readonly Cidr[]) {
    this.name = name;
    this.#blocks = blocks;
    for (const address of points(blocks)) {
      const signs = this.#signsOf(address);
      if (this.#bySigns.has(signs)) continue;
      this.#bySigns.set(signs, atomAt(this.#witnesses.length));
      this.#witnesses.push(address);
      this.#signs.push(signs);
    }
    this.levels = [this.#witnesses.length + 1];
  }

  #signsOf(address: Address): string {
    return this.#blocks.map((block) => Number(holds(block, address))).join('');
  }

  node(diagrams: Diagrams, first: number, key: string): Node {
    const test = this.#blocks.findIndex((block) => keyOf(block) === key);
    if (test < 0) throw new Error(`variable \`${this.name}\` has no block ${key}`);
    const terminal = (signs: string | undefined) => (signs?.[test] === '1' ? diagrams.always : diagrams.never);
    const rest = this.#signs.slice(1);
    return diagrams.node(
      first,
      terminal(this.#signs[0]),
      [MISSING, ...rest.map((_, index) => atomAt(index + 1))],
      [diagrams.never, ...rest.map(terminal)],
    );
  }

  /** The node that is true where the address is known. */
  present(diagrams: Diagrams, first: number): Node {
    return diagrams.node(first, diagrams.always, [MISSING], [diagrams.never]);
  }

  encode(value: Address | null): readonly number[] {
    if (value === null) return [MISSING];
    const atom = this.#bySigns.get(this.#signsOf(value));
    if (atom === undefined) throw new Error(`no atom of \`${this.name}\` holds ${addressText(value)}`);
    return [atom];
  }

  decode([atom = 0]: readonly number[]): Address | null {
    if (atom === MISSING) return null;
    return this.#witnesses[atom === 0 ? 0 : atom - 1] ?? null;
  }

  describe(atoms: readonly number[]): Description {
    const address = this.decode(atoms);
    return { exact: false, text: address === null ? '' : addressText(address) };
  }
}

const atomAt = (index: number): number => (index === 0 ? 0 : index + 1);

/** The first address of every interval: the least of each family, the base of each block and what follows its last. */
export function points(blocks: readonly Cidr[]): readonly Address[] {
  const found: Address[] = [[0xcb007107 | 0], [0], [0, 0, 0, 0]];
  for (const { words, bits } of blocks) {
    const whole = words.length * 32;
    const size = 1n << BigInt(whole - bits);
    const base = (toNumber(words) / size) * size;
    found.push(toAddress(base, words.length));
    const next = base + size;
    if (next < 1n << BigInt(whole)) found.push(toAddress(next, words.length));
  }
  return found;
}

function toNumber(words: Address): bigint {
  return words.reduce((sum, word) => (sum << 32n) | BigInt(word >>> 0), 0n);
}

function toAddress(number: bigint, words: number): Address {
  return Array.from(
    { length: words },
    (_, index) => Number((number >> BigInt(32 * (words - 1 - index))) & 0xffffffffn) | 0,
  );
}

/** An address in the spelling of the request format. */
export function addressText(words: Address): string {
  if (words.length === 1) {
    const word = words[0] ?? 0;
    return [24, 16, 8, 0].map((shift) => (word >>> shift) & 255).join('.');
  }
  return words.flatMap((word) => [(word >>> 16) & 0xffff, word & 0xffff].map((group) => group.toString(16))).join(':');
}
