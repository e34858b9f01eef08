/** How fast manifests are read: ours, with lists, positions and the faults of each document, against the package `yaml`. */
import { readDocuments } from '#policies/language/document.ts';
import { newFleet } from './fleet.ts';
import { type BenchResult, paired } from './paired.ts';
import { type NotMeasured, notMeasured, tryPeer } from './peers.ts';

const SEED = 7;

interface YamlPackage {
  parseAllDocuments(text: string): readonly { toJS(): unknown }[];
}

/** Five thousand objects of a fleet. */
export async function benchYaml(): Promise<readonly (BenchResult | NotMeasured)[]> {
  const { yaml, objects } = newFleet(1240, SEED);
  const peer = tryPeer<YamlPackage>('yaml');
  if (peer === undefined) return [notMeasured(`yaml, ${objects} objects: the package yaml over ours`, 'yaml')];
  const expect = (found: number) => {
    if (found !== objects) throw new Error(`${found} objects read, expected ${objects}`);
  };
  const ours = () => expect(readDocuments('fleet.yaml', yaml).documents.length);
  const theirs = () => expect(peer.use.parseAllDocuments(yaml).map((document) => document.toJS()).length);
  return [
    await paired(`yaml, ${objects} objects: ${peer.title} over ours`, ours, theirs, {
      rounds: 5,
      operations: { a: objects, b: objects },
    }),
  ];
}
