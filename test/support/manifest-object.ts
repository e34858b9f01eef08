import { readDocuments } from '#policies/language/document.ts';

/** A JSON object whose members are not known. */
type Members = Readonly<Record<string, unknown>>;

/** One Kubernetes object of the synthesized manifests. */
export interface ManifestObject {
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: Members;
  readonly data?: Readonly<Record<string, string>>;
}

/** The objects of `manifests/`, in file order; the member `file` is not enumerable, so it never reaches the output. */
export function objectsOf(files: ReadonlyMap<string, string>): readonly ManifestObject[] {
  return [...files]
    .filter(([path]) => path.startsWith('manifests/'))
    .flatMap(([path, text]) => {
      const { documents, problems } = readDocuments(path, text);
      if (problems.length > 0) throw new Error(JSON.stringify(problems));
      return documents.map(({ value }) =>
        Object.defineProperty(value as ManifestObject, 'file', { value: path, enumerable: false }),
      );
    });
}

/** The value at a path of members and indexes, undefined where the path ends early. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let found: unknown = value;
  for (const step of path) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as Readonly<Record<string | number, unknown>>)[step];
  }
  return found;
}

/** The list at a path, empty where there is none. */
export function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** Every value inside `value`, itself included, with the path that leads to it. */
export function* walk(value: unknown, path = ''): Generator<readonly [string, unknown]> {
  yield [path, value];
  if (typeof value !== 'object' || value === null) return;
  for (const [key, member] of Object.entries(value)) yield* walk(member, `${path}.${key}`);
}
