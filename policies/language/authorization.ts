/**
 * The model of an AuthorizationPolicy: every string of the YAML is already parsed into a small union, so that nothing
 * behind this file looks for `*` in text. A rule is an AND of parts, a part an OR of alternatives, an alternative an
 * AND of clauses (semantics.md 3.3).
 */
import type { Location } from './problem.ts';

/** One string test of a policy, parsed once from its text. Source: semantics.md 3.4. */
export type Pattern =
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'prefix'; readonly value: string }
  | { readonly kind: 'suffix'; readonly value: string }
  /** `*` on paths, SNI, principals, claims, metadata: an empty value does not count. */
  | { readonly kind: 'nonEmpty' }
  /** `*` on headers, methods, hosts: an empty value counts. */
  | { readonly kind: 'present' };

/** One piece of a path template; `one` is `{*}`, `any` is `{**}`. Source: semantics.md 3.8. */
export type TemplatePiece =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'one' }
  | { readonly kind: 'any' };

/** A path test: a plain pattern, a template, or a template that the webhook refuses and Envoy reads as an expression. */
export type PathPattern =
  | Pattern
  | { readonly kind: 'template'; readonly pieces: readonly TemplatePiece[] }
  | { readonly kind: 'expression'; readonly source: string };

/** One test of the peer identity; four fields of the YAML read this one variable. Source: semantics.md 3.5. */
export type PeerPattern =
  | { readonly kind: 'principal'; readonly pattern: Pattern }
  /** The identity is the scheme, anything, then `suffix`. */
  | { readonly kind: 'principalSuffix'; readonly suffix: string }
  /** The identity holds `/ns/`, the pieces in order with anything between them, then `/`. */
  | { readonly kind: 'namespace'; readonly pieces: readonly string[] }
  | { readonly kind: 'serviceAccount'; readonly namespace: string; readonly name: string }
  /** The identity is the scheme, then the pieces with anything but `/` between them, then `/`. */
  | { readonly kind: 'trustDomain'; readonly pieces: readonly string[] }
  | { readonly kind: 'anyTrustDomain' }
  /** The identity is `spiffe://TD/ns/NS/sa/SA` and nothing else, each segment as its pattern asks: what ztunnel reads. */
  | {
      readonly kind: 'segments';
      readonly trustDomain: Pattern;
      readonly namespace: Pattern;
      readonly serviceAccount: Pattern;
    };

/** One `requestPrincipals` value: issuer and subject are tested apart. Source: semantics.md 3.9. */
export interface RequestPrincipalPattern {
  readonly issuer: Pattern;
  readonly subject: Pattern;
}

/** An address block: `words` are the network's 32-bit words, one for IPv4, four for IPv6; `bits` the prefix length. */
export interface Cidr {
  readonly words: readonly number[];
  readonly bits: number;
}

/** Values and not-values of one field; values that cannot be read are counted, never dropped (semantics.md 3.11). */
export interface Values<T> {
  readonly values: readonly T[];
  readonly notValues: readonly T[];
  /** Texts of values and not-values that have no meaning (a bad address, port or claim key). */
  readonly unusable: readonly string[];
}

/** One field of a source, operation or condition. True iff some value matches (or none is given) and no not-value does. */
export type Clause =
  | ({
      readonly on: 'peer';
      readonly field: PeerField;
      /** The values without trust domain rewriting, where it changed any: ztunnel rewrites nothing. */
      readonly asWritten?: Pick<Values<PeerPattern>, 'values' | 'notValues'>;
    } & Values<PeerPattern>)
  | ({ readonly on: 'address'; readonly of: 'source' | 'remote' | 'destination' } & Values<Cidr>)
  | ({ readonly on: 'port' } & Values<number>)
  | ({ readonly on: 'sni' } & Values<Pattern>)
  | ({ readonly on: 'host' } & Values<Pattern>)
  | ({ readonly on: 'method' } & Values<Pattern>)
  | ({ readonly on: 'path' } & Values<PathPattern>)
  | ({ readonly on: 'header'; readonly name: string } & Values<Pattern>)
  | ({ readonly on: 'requestPrincipal' } & Values<RequestPrincipalPattern>)
  | ({ readonly on: 'claim'; readonly path: readonly string[] } & Values<Pattern>)
  | ({ readonly on: 'metadata'; readonly filter: string; readonly key: string } & Values<MetadataPattern>)
  | ({ readonly on: 'unknownKey'; readonly key: string } & Values<never>);

/** A test of dynamic metadata: of a text, or of the elements of a list (`[v]`). */
export interface MetadataPattern {
  readonly form: 'text' | 'list';
  readonly pattern: Pattern;
}

/** Which field of the YAML a peer clause came from. */
type PeerField = 'principal' | 'namespace' | 'serviceAccount' | 'trustDomain';

/** One AND-ed part of a rule: true iff all clauses of some alternative are. */
export interface RulePart {
  readonly kind: 'from' | 'to' | 'when';
  readonly alternatives: readonly (readonly Clause[])[];
}

/** One rule; true iff every part is. A rule without parts matches everything. */
export interface Rule {
  readonly index: number;
  readonly parts: readonly RulePart[];
  readonly at: Location;
}

/** What a policy is attached to. Source: semantics.md 3.1. */
export type Attachment =
  | { readonly kind: 'wholeNamespace' }
  | { readonly kind: 'selector'; readonly labels: Readonly<Record<string, string>> }
  | { readonly kind: 'targetRefs'; readonly refs: readonly { readonly kind: string; readonly name: string }[] };

/** An AuthorizationPolicy's action; CUSTOM names its provider. */
export type Action =
  | { readonly kind: 'ALLOW' | 'DENY' | 'AUDIT' }
  | { readonly kind: 'CUSTOM'; readonly provider: string };

/** One AuthorizationPolicy. No rules means *match nothing* (semantics.md 3.2). */
export interface AuthorizationPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly action: Action;
  readonly enforcement: 'enforced' | 'dryRun';
  readonly attachment: Attachment;
  readonly rules: readonly Rule[];
  readonly at: Location;
}
