/** Rules without a part in any verdict: decided exactly in `../rule-parts.ts`, and told here with the rule to blame. */
import type { Rule } from '../../../language/authorization.ts';
import type { Workload } from '../../../language/mesh.ts';
import type { IdleRule } from '../../compare/rule-audit.ts';
import { atObject, type Context, inPolicy, type MeshCheck, ruleAt, type WrittenPolicy } from '../context.ts';
import type { Sighting } from '../finding.ts';
import { ruleContains } from '../rule-containment.ts';

/** A rule with the policy that it stands in. */
interface Place {
  readonly written: WrittenPolicy;
  readonly rule: Rule;
}

function* idle(
  context: Context,
  isMeant: (idle: IdleRule) => boolean,
  tell: (place: Place, blame: Blame) => string | undefined,
): Generator<Sighting> {
  const byPolicy = new Map(context.policies.map((written) => [written.policy, written]));
  const blame = new Blame(context);
  for (const found of context.ruleParts().idle) {
    const written = byPolicy.get(found.policy);
    if (!isMeant(found) || written === undefined) continue;
    const message = tell({ written, rule: found.rule }, blame);
    if (message !== undefined) yield inPolicy(written, message, ruleAt(written, found.rule.index));
  }
}

/** A DENY rule without which nothing more would pass, also where the handshake alone refuses what it speaks of. */
function isSecondLock({ kind, policy, couldMatch }: IdleRule): boolean {
  return kind === 'overridden' || (kind === 'vacuous' && policy.action.kind === 'DENY' && couldMatch);
}

/** Pairs of rules beyond this many are not compared: the finding stands, and blames nobody by name. */
const PAIRS = 2_000_000;

/** Finds the one rule that is as wide as an idle one. */
class Blame {
  readonly #byAction: ReadonlyMap<string, readonly WrittenPolicy[]>;
  readonly #reached = new Map<WrittenPolicy, ReadonlySet<Workload>>();
  #pairs = 0;

  constructor({ policies }: Context) {
    const enforced = policies.filter(({ policy }) => policy.enforcement === 'enforced');
    this.#byAction = Map.groupBy(enforced, ({ policy }) => policy.action.kind);
  }

  /** A rule of the action that matches all that this one does wherever this one applies; of equal ones the first. */
  tryFind(action: 'ALLOW' | 'DENY', place: Place): Place | undefined {
    return this.#candidates(action, place).find((wide) => isWider(place, wide));
  }

  /** True iff an equal rule of the same action comes later: that one is told as redundant. */
  hasLaterTwin(place: Place): boolean {
    const { action } = place.written.policy;
    return (
      (action.kind === 'ALLOW' || action.kind === 'DENY') &&
      this.#candidates(action.kind, place).some((other) => other.rule !== place.rule && isSame(place, other))
    );
  }

  #candidates(action: 'ALLOW' | 'DENY', { written: { workloads } }: Place): readonly Place[] {
    if (this.#pairs > PAIRS) return [];
    const covering = (this.#byAction.get(action) ?? []).filter((other) => {
      const reached = this.#reachedBy(other);
      return workloads.every((workload) => reached.has(workload));
    });
    const places = covering.flatMap((written) => written.policy.rules.map((rule) => ({ written, rule })));
    this.#pairs += places.length;
    return places;
  }

  #reachedBy(written: WrittenPolicy): ReadonlySet<Workload> {
    const found = this.#reached.get(written) ?? new Set(written.workloads);
    this.#reached.set(written, found);
    return found;
  }
}

function isSame(left: Place, right: Place): boolean {
  return (
    left.written.workloads.length === right.written.workloads.length &&
    ruleContains(left.rule, right.rule) &&
    ruleContains(right.rule, left.rule)
  );
}

/** A rule is not compared with itself; of two equal rules the later one is redundant. */
function isWider(narrow: Place, wide: Place): boolean {
  if (wide.rule === narrow.rule || !ruleContains(wide.rule, narrow.rule)) return false;
  if (!isSame(narrow, wide) || wide.written.policy.action.kind !== narrow.written.policy.action.kind) return true;
  return wide.written === narrow.written
    ? wide.rule.index < narrow.rule.index
    : order(wide.written) < order(narrow.written);
}

const order = ({ policy }: WrittenPolicy) => `${policy.namespace}/${policy.name}`;

function nameOf({ written: { policy }, rule }: Place): string {
  return `rule ${rule.index} of ${policy.action.kind} \`${policy.namespace}/${policy.name}\``;
}

const redundant = (context: Context) =>
  idle(
    context,
    ({ kind }) => kind === 'redundant',
    (place, blame) => {
      const { action } = place.written.policy;
      if (action.kind !== 'ALLOW' && action.kind !== 'DENY') return undefined;
      const wider = blame.tryFind(action.kind, place);
      if (wider === undefined && blame.hasLaterTwin(place)) return undefined;
      const who =
        action.kind === 'ALLOW'
          ? subjectOf(wider, 'other rules', ['allows', 'allow'])
          : subjectOf(wider, 'other rules', ['denies', 'deny']);
      return `rule ${place.rule.index} adds nothing: ${who} every call that it matches`;
    },
  );

/** Who does it: the rule to blame, or several together. */
function subjectOf(wider: Place | undefined, others: string, [one, many]: readonly [string, string]): string {
  return wider === undefined ? `${others} together ${many}` : `${nameOf(wider)} ${one}`;
}

const shadowed = (context: Context) =>
  idle(
    context,
    ({ kind }) => kind === 'shadowed',
    (place, blame) => {
      const wider = blame.tryFind('DENY', place);
      const who = subjectOf(wider, 'DENY rules', ['denies', 'deny']);
      return `rule ${place.rule.index} never allows anything: ${who} every call that it matches`;
    },
  );

function* undecided(context: Context): Generator<Sighting> {
  for (const { policy, rule } of context.ruleParts().unread)
    yield {
      ...atObject(
        'AuthorizationPolicy',
        policy,
        `rule ${rule.index} reads tokens in other places than \`Authorization\`: whether it matches anything is not known`,
      ),
      at: rule.at,
    };
  for (const workload of context.ruleParts().undecided)
    yield atObject(
      workload.kind,
      workload,
      `the rules of \`${workload.namespace}/${workload.name}\` took too much to decide: idle ones among them are not told`,
    );
}

/** Not told where another error about the rule says why. */
export const UNREACHABLE_RULE = 'authz/unreachable-rule';

/** Checks of rules that change nothing. */
export const IDLE_RULES: readonly MeshCheck[] = [
  {
    code: UNREACHABLE_RULE,
    severity: 'error',
    title: 'a rule matches no call at all',
    resolution:
      'No request that can arrive at a workload of the policy meets all that the rule asks for: its values contradict each other, name what does not exist there, or are excluded again by its `not…` values. An ALLOW rule of this kind grants nothing, a DENY rule stops nothing. Remove it, or ask for what was meant; it was decided over all identities, ports, methods, paths, hosts, headers and tokens.',
    find: (context) =>
      idle(
        context,
        (each) => each.kind === 'vacuous' && !isSecondLock(each),
        ({ rule }) => `rule ${rule.index} matches no call to any workload of the policy`,
      ),
  },
  {
    code: 'authz/redundant-rule',
    severity: 'warning',
    title: 'a rule adds nothing',
    resolution:
      'Other rules of the same action match every call that this one matches, wherever it applies, so removing it alone changes no verdict: it is left over, or another rule is wider than was meant. Remove the narrower, or narrow the wider. It is decided exactly, also where several rules together are as wide; of two equal rules the later one is told.',
    find: redundant,
  },
  {
    code: 'authz/shadowed-rule',
    severity: 'error',
    title: 'DENY rules take back everything a rule allows',
    resolution:
      'DENY is decided first, and every call that this ALLOW rule matches is matched by a DENY rule: the grant has no effect. Remove one of the two, or except the callers that are meant. It is decided exactly, also where several DENY rules together do it.',
    find: shadowed,
  },
  {
    code: 'authz/overridden-rule',
    severity: 'note',
    title: 'a DENY rule stops nothing that would pass',
    resolution:
      'No call that this DENY rule matches gets past the rest: no ALLOW rule admits it, or the handshake refuses it before (a rule against plaintext where mTLS is STRICT). It is a second lock on a closed door. Keep it as one, or remove it, so that nobody reads a permission into what it leaves out. A DENY rule whose own words contradict each other is an error instead (`authz/unreachable-rule`).',
    find: (context) =>
      idle(context, isSecondLock, ({ rule }) => `rule ${rule.index} denies nothing that would pass without it`),
  },
  {
    code: 'authz/undecided-rule',
    severity: 'note',
    title: 'rules could not be decided',
    resolution:
      'Whether these rules have a part in verdicts is not known, so none of them is told as unreachable, redundant, shadowed or overridden. Either they took more steps than one question may take (many patterns that cross each other are hard for people too: list exact values), or they read what requests are not taken to carry here: metadata that other filters set, and tokens in other headers, parameters or cookies.',
    find: undecided,
  },
];
