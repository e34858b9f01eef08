/** The value of an explanation: what text and JSON reports read. Read `explain.ts` for how it is made. */
import type { Step } from '../../language/problem.ts';
import type { Answer } from '../answer.ts';

/** The layers of one call in the order in which they see it. Source: semantics.md 3 and 11. */
export const LAYER_NAMES = [
  'source-network-policy',
  'egress-guard',
  'transport',
  'destination-network-policy',
  'codec',
  'custom',
  'request-authentication',
  'deny',
  'allow',
  'routing',
] as const;

/** One of `LAYER_NAMES`. */
export type LayerName = (typeof LAYER_NAMES)[number];

/** An object of the manifests and, where a rule of it is meant, that rule's index. */
export interface Place {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly rule: number | null;
  readonly file: string;
  readonly line: number;
}

/** What one layer says of the call, judged as if every layer before it had let the call pass. */
export interface LayerReport {
  readonly layer: LayerName;
  /** `absent`: nothing of this layer applies to the call. */
  readonly outcome: 'passes' | 'stops' | 'absent';
  /** True for the layer that names the verdict: the first that stops the call, or the one that allows it. */
  readonly decides: boolean;
  readonly because: string;
  /** The object that decided this layer's outcome, null where none did. */
  readonly place: Place | null;
}

/** One field that refused the call. */
export interface FieldMiss {
  /** As written in the policy: `principals`, `notPaths`, `when request.auth.claims[scope]`. */
  readonly field: string;
  /** The values that would have matched, or with `not…` those that must not match. */
  readonly expected: readonly string[];
  /** What the call has, null when it has nothing there. */
  readonly got: string | null;
  readonly file: string;
  readonly line: number;
}

/** A rule that would have let the call pass and did not match, with the fields that refused it; fewest first. */
export interface NearMiss {
  readonly place: Place;
  readonly misses: readonly FieldMiss[];
  /** Why the whole rule takes no part, '' when it does. */
  readonly dropped: string;
}

/**
 * One edit of one document: `append` puts a value at the end of a list (making the list), `set` replaces,
 * `remove` deletes, `create` adds an object. */
export interface Edit {
  readonly object: Omit<Place, 'rule' | 'line' | 'file'>;
  readonly file: string;
  readonly line: number;
  /** Steps into the document, and the same as text. */
  readonly steps: readonly Step[];
  readonly path: string;
  readonly action: 'append' | 'set' | 'remove' | 'create';
  /** What is appended, set or created; for `remove` what stands there. */
  readonly value: unknown;
}

/** One call of the finite universe that a change lets through. */
export interface Opened {
  /** `namespace/workload`, a SPIFFE ID, or `plaintext`. */
  readonly caller: string;
  readonly destination: string;
  readonly port: number;
  readonly method: string | null;
  readonly path: string | null;
}

/** Edits that together let the call through, confirmed by deciding it again, and what else they let through. */
export interface Change {
  readonly edits: readonly Edit[];
  readonly alsoAllows: readonly Opened[];
  /** Calls of the universe that were decided before and after. */
  readonly examined: number;
  /** False iff the universe was cut at its bound. */
  readonly complete: boolean;
}

/** The whole explanation of one request. */
export interface Explanation {
  /** Version of this shape in JSON. */
  readonly version: 1;
  readonly answer: Answer;
  readonly caller: string;
  readonly destination: string;
  readonly operation: string;
  readonly layers: readonly LayerReport[];
  readonly nearMisses: readonly NearMiss[];
  /** Smallest first: fewest edits, then fewest other calls. */
  readonly changes: readonly Change[];
  /** What no edit of policies can repair, as sentences. */
  readonly advice: readonly string[];
}
