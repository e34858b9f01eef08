/**
 * What the rules say of most callers, side by side in memory: one verdict, one method, a few whole paths that no
 * normalization touches. A raw path equal to one of them needs no table of paths and no second look at itself.
 */
import { isPlainPath } from '../normalize.ts';
import type { HttpRequest } from '../request.ts';
import type { Verdict } from '../verdict.ts';
import type { Link } from './box-list.ts';
import type { PathTable } from './path-table.ts';
import type { Peer } from './peer-table.ts';

const MOST_PATHS = 4;
/** Verdict, method, paths: a record fills a line of the processor's cache. */
const [VERDICT, METHOD, FIRST_PATH] = [0, 1, 2];
const LENGTH = FIRST_PATH + MOST_PATHS;

/** The records of the callers that rules name. */
export class CallerRecords {
  /** By half of the peer, each of `LENGTH`; null for callers of whom more is to be said. */
  readonly #records: readonly (Verdict | string | null)[];

  /** `lists` are the boxes of each caller, by half of the peer: the first of few, undefined for many or none. */
  constructor(lists: readonly (Link | undefined)[], paths: PathTable) {
    this.#records = lists.flatMap((first) => recordOf(first, paths));
  }

  /** The verdict of the rule that covers a request as it stands; undefined where the rules must be asked. */
  tryFind(peer: Peer, { method, path }: HttpRequest): Verdict | undefined {
    const records = this.#records;
    const at = (peer >> 1) * LENGTH;
    if (peer < 0 || at >= records.length || records[at + METHOD] !== method) return undefined;
    for (let place = at + FIRST_PATH; place < at + LENGTH; place += 1) {
      const known = records[place];
      if (known === path) return verdictIn(records[at + VERDICT]);
      if (known === null) return undefined;
    }
    return undefined;
  }
}

const NO_RECORD: readonly null[] = Array.from({ length: LENGTH }, () => null);

function recordOf(first: Link | undefined, paths: PathTable): readonly (Verdict | string | null)[] {
  const named: string[] = [];
  for (let box = first ?? null; box !== null; box = box.next) {
    const path = box.path === null ? undefined : paths.text(box.path);
    const isSame = box.verdict === first?.verdict && box.method === first.method && box.method !== null;
    if (!isSame || box.tests !== null || path === undefined || !isPlainPath(path)) return NO_RECORD;
    named.push(path);
  }
  if (first === undefined || named.length > MOST_PATHS) return NO_RECORD;
  return [first.verdict, first.method, ...named, ...NO_RECORD.slice(FIRST_PATH + named.length)];
}

/** A record begins with its verdict. */
function verdictIn(found: Verdict | string | null | undefined): Verdict | undefined {
  return typeof found === 'object' && found !== null ? found : undefined;
}
