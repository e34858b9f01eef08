/** The recorded verdicts of the real istiod and Envoy, as files. */
import { readdirSync, readFileSync } from 'node:fs';
import { type IssuerKeys, keysOf } from '#policies/analysis/index.ts';
import { readTarGz } from './tar.ts';

/** One recorded verdict; see the README beside the recordings. */
export interface RecordedVerdict {
  readonly id: string;
  readonly verdict: string;
  readonly layer: string;
  readonly policy: string | null;
  readonly rule: number | null;
  readonly http: number | null;
}

/** One recorded set of manifests with the requests and verdicts of the recording. */
export interface RecordedSet {
  readonly name: string;
  readonly manifests: string;
  readonly requests: readonly unknown[];
  readonly verdicts: readonly RecordedVerdict[];
}

const folder = new URL('../conformance/recorded/', import.meta.url);

function recordedSet(name: string, read: (file: string) => string): RecordedSet {
  const lines = (file: string) =>
    read(file)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  return {
    name,
    manifests: read('manifests.yaml'),
    requests: lines('requests.jsonl'),
    verdicts: lines('verdicts.jsonl'),
  };
}

/** Every recorded set. */
export function recordedSets(): readonly RecordedSet[] {
  const systematic = readdirSync(new URL('cases/', folder)).map((name) =>
    recordedSet(name, (file) => readFileSync(new URL(`cases/${name}/${file}`, folder), 'utf8')),
  );
  const archive = readTarGz(readFileSync(new URL('random.tar.gz', folder)));
  const ids = new Set([...archive.keys()].map((path) => path.split('/')[1] ?? ''));
  const random = [...ids].map((id) => recordedSet(`random/${id}`, (file) => archive.get(`random/${id}/${file}`) ?? ''));
  return [...systematic, ...random];
}

/** The keys that the issuers of the recordings sign with. */
export function recordedIssuerKeys(): IssuerKeys {
  const issuers = JSON.parse(readFileSync(new URL('issuers.json', folder), 'utf8')) as object;
  return new Map(Object.entries(issuers).map(([issuer, jwks]) => [issuer, keysOf(jwks)]));
}

/** The rows of a set whose recorded verdict is listed as different, by id. */
export function listedDifferences(set: string): readonly string[] {
  const listed = JSON.parse(readFileSync(new URL('differences.json', folder), 'utf8')) as readonly {
    readonly set: string;
    readonly id: string;
  }[];
  return listed.filter((entry) => entry.set === set).map(({ id }) => id);
}
