/** A version of the mesh as its parts see it: slices of the original with the replaced objects put in. */
import type { Mesh } from '../../language/mesh.ts';
import { sharedWaypoints } from '../ambient/waypoints.ts';
import { MeshIndex } from '../compare/destinations.ts';
import { type Replacement, replaced, type Variant } from './variant.ts';

/** Slices of one version. */
export class View {
  readonly #index: MeshIndex;
  readonly #replacements: readonly Replacement[];
  readonly #slices = new Map<string, Mesh>();

  private constructor(index: MeshIndex, replacements: readonly Replacement[]) {
    this.#index = index;
    this.#replacements = replacements;
  }

  /** The original. */
  static original(index: MeshIndex): View {
    return new View(index, []);
  }

  /** A mutant of the original. */
  static of(index: MeshIndex, variant: Extract<Variant, { kind: 'parsed' }>): View {
    return variant.replacements === 'everything'
      ? new View(new MeshIndex(variant.mesh), [])
      : new View(index, variant.replacements);
  }

  /** The mesh as workloads of a namespace see it. */
  slice(namespace: string): Mesh {
    return this.#kept(namespace, () => this.#with(this.#index.slice(namespace), [namespace]));
  }

  /** The mesh as a call from one namespace to another sees it. */
  between(source: string, target: string): Mesh {
    if (source === target) return this.slice(target);
    return this.#kept(`${source} ${target}`, () => this.#with(this.#index.between(source, target), [source, target]));
  }

  #kept(key: string, make: () => Mesh): Mesh {
    const known = this.#slices.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#slices.set(key, made);
    return made;
  }

  #with(mesh: Mesh, namespaces: readonly string[]): Mesh {
    if (this.#replacements.length === 0) return mesh;
    const seen = new Set([mesh.config.rootNamespace, ...namespaces, ...sharedWaypoints(mesh)]);
    const isSeen = ({ namespace }: { readonly namespace?: string }) => namespace === undefined || seen.has(namespace);
    const own = this.#replacements.map(({ list, before, after }) => ({
      list,
      before: before !== undefined && isSeen(before) ? before : undefined,
      after: after !== undefined && isSeen(after) ? after : undefined,
    }));
    return replaced(mesh, own);
  }
}
