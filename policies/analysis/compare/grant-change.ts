/** What became of the calls of one caller to one port. */
import type { Profile } from '../profile.ts';
import type { Node } from '../symbolic/diagram.ts';
import { NO_TOKENS } from '../symbolic/token.ts';
import type { Universe } from '../symbolic/universe.ts';
import type { CallerCalls, CallerSide } from './callers.ts';
import { type CallClass, callsOf } from './calls.ts';
import { type ChangeExample, Examples } from './example.ts';
import type { ReachGrant } from './reach.ts';

/** Calls that one version allows and the other does not. */
export interface ChangedCalls {
  /** What they satisfy besides caller, method and path, in words. */
  readonly conditions: readonly string[];
  readonly example: ChangeExample | null;
}

/** One class of calls and what became of it; `changed` calls are allowed in both versions under other conditions. */
export interface GrantChange {
  readonly change: 'added' | 'removed' | 'changed' | 'unchanged';
  readonly grant: ReachGrant;
  /** The calls that only the version after allows; null where there are none. */
  readonly added: ChangedCalls | null;
  /** The calls that only the version before allows; null where there are none. */
  readonly removed: ChangedCalls | null;
}

/** Where calls are compared. */
export interface RefinedPlace {
  readonly destination: ReachGrant['destination'];
  readonly port: number;
  readonly profile: Profile;
}

/** The common refinement at one port; with one side alone nothing changed. */
export class Refinement {
  readonly #universe: Universe;
  readonly #sides: readonly CallerSide[];
  readonly #place: RefinedPlace;
  readonly #examples: Examples;
  readonly #known = new Map<string, ReadonlyMap<string, CallClass>>();

  constructor(universe: Universe, sides: readonly CallerSide[], place: RefinedPlace) {
    this.#universe = universe;
    this.#sides = sides;
    this.#place = place;
    this.#examples = new Examples(universe, sides, place);
  }

  of(caller: CallerCalls): readonly GrantChange[] {
    const { diagrams } = this.#universe;
    const [was = diagrams.never, is = was] = caller.nodes;
    const parts = {
      added: this.#byCall(diagrams.minus(is, was), 'last'),
      removed: this.#byCall(diagrams.minus(was, is), 'first'),
      kept: this.#byCall(diagrams.and(was, is), 'last'),
    };
    const keys = new Set([...parts.kept.keys(), ...parts.added.keys(), ...parts.removed.keys()]);
    return [...keys].flatMap((key) => {
      const [added, removed, kept] = [parts.added.get(key), parts.removed.get(key), parts.kept.get(key)];
      const call = kept ?? added ?? removed;
      if (call === undefined) return [];
      const both = [added, removed, kept].filter((part) => part !== undefined).length > 1;
      const change = both ? 'changed' : added !== undefined ? 'added' : removed !== undefined ? 'removed' : 'unchanged';
      const { http, exact, conditions } = call;
      return [
        {
          change,
          grant: { source: caller.source, destination: this.#place.destination, http, exact, conditions },
          added: this.#changed(caller, added, 'after'),
          removed: this.#changed(caller, removed, 'before'),
        } as const,
      ];
    });
  }

  #changed(
    { source, peer }: CallerCalls,
    call: CallClass | undefined,
    allowedIn: 'before' | 'after',
  ): ChangedCalls | null {
    if (call === undefined) return null;
    const { conditions, atoms, rest } = call;
    return { conditions, example: this.#examples.of({ source, peer, atoms, node: rest, allowedIn }) };
  }

  #byCall(node: Node, side: 'first' | 'last'): ReadonlyMap<string, CallClass> {
    const key = `${side} ${node}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const token = (side === 'first' ? this.#sides[0] : this.#sides.at(-1))?.decision.token ?? NO_TOKENS;
    const calls = callsOf(this.#universe, node, token);
    const made = new Map(
      calls.map((call) => [call.http === null ? 'bytes' : `${call.http.method} ${call.http.path}`, call]),
    );
    this.#known.set(key, made);
    return made;
  }
}
