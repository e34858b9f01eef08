/** The ALLOW rules that came closest to matching a refused call. */
import type { AuthorizationPolicy, Rule } from '../../language/authorization.ts';
import type { SourceDocument } from '../../language/document.ts';
import { Cursor } from '../../language/parse-cursor.ts';
import { parseNamed } from '../../language/parse-traffic.ts';
import { lossOf } from '../ambient/ztunnel-rules.ts';
import type { NearMiss, Place } from './explanation.ts';
import { type FailingClause, failingClauses } from './fields.ts';
import { placeOf } from './judgement.ts';
import { enforced, type Situation } from './situation.ts';

/** A rule that did not match, with what an edit of it needs. */
export interface Candidate {
  readonly policy: AuthorizationPolicy;
  readonly rule: Rule;
  readonly document: SourceDocument;
  readonly failing: readonly FailingClause[];
  readonly dropped: string;
}

/** The document of an object, undefined when it was not among those that were read. */
export function tryFindDocument(
  documents: readonly SourceDocument[],
  place: Pick<Place, 'kind' | 'namespace' | 'name'>,
): SourceDocument | undefined {
  return documents.find((document) => {
    const cursor = new Cursor(document);
    if (cursor.get('kind').text() !== place.kind) return false;
    const { namespace, name } = parseNamed(cursor);
    return namespace === place.namespace && name === place.name;
  });
}

/** The ALLOW rules of a call, those with the fewest failing fields first; rules that take no part come last. */
export function candidatesOf(situation: Situation): readonly Candidate[] {
  const { call, proxy, documents } = situation;
  if (proxy === null) return [];
  const { profile } = call.world;
  const candidates = enforced(call, 'ALLOW').flatMap((policy) => {
    const document = tryFindDocument(documents, { ...policy, kind: 'AuthorizationPolicy' });
    if (document === undefined) return [];
    const reading = { document, facts: proxy.facts, profile };
    const taking = new Set(call.point.rulesOn(proxy.chain, [policy]).map(({ rule }) => rule.index));
    return policy.rules.map((rule) => ({
      policy,
      rule,
      document,
      failing: failingClauses(rule, reading),
      dropped: taking.has(rule.index) ? '' : droppedBecause(rule, proxy),
    }));
  });
  const weight = ({ dropped, failing }: Candidate) => (dropped === '' ? 0 : 1000) + failing.length;
  return candidates.toSorted((left, right) => weight(left) - weight(right));
}

function droppedBecause(rule: Rule, { listener, chain }: NonNullable<Situation['proxy']>): string {
  if (listener.kind === 'ztunnel') return droppedAtZtunnel(rule);
  return chain === 'tcp'
    ? 'the rule names HTTP fields, and this port is read as TCP: the whole rule takes no part'
    : 'the rule holds a value that cannot be read: the whole rule takes no part';
}

function droppedAtZtunnel(rule: Rule): string {
  const loss = lossOf(rule, 'ALLOW');
  const fields = loss.kind === 'kept' ? '' : loss.by.map((field) => `\`${field}\``).join(', ');
  return loss.kind === 'omitted'
    ? `ztunnel sees no ${fields}: the whole rule is left out; attach it to a waypoint with \`targetRefs\``
    : `ztunnel drops ${fields}, and what is left empty never matches`;
}

/** A candidate as it is reported. */
export function nearMiss({ policy, rule, failing, dropped }: Candidate): NearMiss {
  const place = placeOf('AuthorizationPolicy', policy, { index: rule.index, line: rule.at.line });
  return { place, misses: failing.map(({ miss }) => miss), dropped };
}
