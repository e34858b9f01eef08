/**
 * Proves that users' tokens are verified as declared: by the issuer's keys and no others, for the audiences of the
 * workload's users and no others, with the claims where services read them, and handed on where the next call needs
 * them. Which calls need a token is decided with the rules.
 */
import type { JwtRule, Workload } from '../../language/mesh.ts';
import { authenticationsBefore } from '../enforcement-point.ts';
import { keysOf } from '../token.ts';
import type { DeclaredConnections } from './connections.ts';
import type { Counterexample } from './counterexample.ts';
import type { MeshIndex } from './destinations.ts';
import type { Grant, Intent, Issuer } from './intent.ts';
import { Ledger, type Obligation } from './obligation.ts';
import type { Place, SiteResult } from './site-check.ts';

/** Checks the RequestAuthentications of workloads whose grants ask for a user. */
export class TokenCheck {
  readonly #ledger = new Ledger();
  readonly #index: MeshIndex;
  readonly #issuers: ReadonlyMap<string, Issuer>;
  readonly #connections: () => DeclaredConnections;
  readonly #asked: boolean;

  constructor(index: MeshIndex, intent: Intent, connections: () => DeclaredConnections) {
    this.#index = index;
    this.#issuers = new Map(intent.issuers.map((each) => [each.issuer, each]));
    this.#connections = connections;
    this.#asked = intent.grants.some(({ user }) => user !== null);
  }

  /** Takes over what comparing a port gave, as far as it is about tokens. */
  take({ grants, workload, port }: Place, result: SiteResult): void {
    if (grants.every(({ user }) => user === null)) return;
    if (result.kind === 'unknown') {
      this.#ledger.unknown = true;
      this.#ledger.notes.add(`\`${workload.namespace}/${workload.name}\` port ${port}: ${result.because}`);
      return;
    }
    for (const assumption of result.assumptions) this.#ledger.assumptions.add(assumption);
    if (result.kind === 'different') this.#ledger.counterexamples.push(...result.counterexamples.filter(isAboutTokens));
  }

  /** Looks at how the tokens of a workload's users are verified. */
  check(workload: Workload): void {
    if (!this.#asked) return;
    const grants = this.#connections().grantsOf(workload, 'ingress');
    const users = grants.flatMap(({ user }) => (user === null ? [] : [user]));
    const issuers = Map.groupBy(users, ({ issuer }) => issuer);
    if (users.length === 0) return;
    const mesh = this.#index.slice(workload.namespace);
    const name = `\`${workload.namespace}/${workload.name}\``;
    const placed = authenticationsBefore(mesh, workload).flatMap(({ rules, ...object }) =>
      rules.map((rule) => ({
        rule,
        place: `RequestAuthentication \`${object.namespace}/${object.name}\` (${rule.at.file}:${rule.at.line})`,
      })),
    );
    for (const [issuer, own] of issuers) {
      const rules = placed.filter(({ rule }) => rule.issuer === issuer);
      for (const { rule, place } of rules) this.#checkRule(rule, { place, name, workload });
      this.#checkAudiences(rules, new Set(own.flatMap(({ audiences }) => audiences)), name);
    }
  }

  close(): readonly Obligation[] {
    return this.#asked ? [this.#ledger.close('users-bring-tokens')] : [];
  }

  #checkRule(
    rule: JwtRule,
    { place, name, workload }: { readonly place: string; readonly name: string; readonly workload: Workload },
  ): void {
    const declared = this.#issuers.get(rule.issuer);
    if (rule.keys.kind !== 'inline') {
      const from = rule.keys.kind === 'uri' ? `at \`${rule.keys.uri}\`` : 'that its discovery document names';
      if (declared === undefined)
        this.#ledger.assumptions.add(`the keys ${from} are those of the issuer \`${rule.issuer}\``);
      else this.#fail(`${place} takes the keys ${from} for ${name}, where the declared ones are to stand`);
    } else if (declared !== undefined) this.#checkKeys(keysOf(parseJson(rule.keys.jwks)), declared, place);
    if (declared !== undefined && (rule.outputPayloadToHeader.toLowerCase() || null) !== declared.payloadHeader)
      this.#fail(
        `${place} hands the claims on in ${headerText(rule.outputPayloadToHeader)}, ${name} reads ${headerText(declared.payloadHeader)}`,
      );
    if (!rule.forwardOriginalToken && this.#callsAsUser(workload, rule.issuer))
      this.#fail(`${place} takes the token away, and calls of ${name} need it`);
    for (const other of otherPlaces(rule))
      this.#ledger.assumptions.add(
        `tokens in ${other} are users' tokens as much as those in \`authorization\` (${place})`,
      );
  }

  /** A token for somebody else is refused at every door of the workload, not only where a rule looks at the claim. */
  #checkAudiences(rules: readonly PlacedRule[], declared: ReadonlySet<string>, name: string): void {
    for (const { rule, place } of rules) {
      const others = rule.audiences.filter((audience) => !declared.has(audience));
      if (rule.audiences.length === 0)
        this.#fail(`${place} accepts tokens for any audience, declared ${listOf(declared)}`);
      if (others.length > 0) this.#fail(`${place} accepts tokens for ${listOf(others)}, which no user of ${name} has`);
    }
    const accepted = rules.flatMap(({ rule: { audiences } }) => (audiences.length === 0 ? [...declared] : audiences));
    const missing = [...declared].filter((audience) => !accepted.includes(audience));
    if (rules.length > 0 && missing.length > 0)
      this.#fail(`no RequestAuthentication of ${name} accepts tokens for ${listOf(missing)}, which its users have`);
  }

  #checkKeys(keys: readonly string[], declared: Issuer, place: string): void {
    if (keys.some((key) => !declared.keys.includes(key)))
      this.#fail(`${place} accepts tokens signed with a key that is not declared for \`${declared.issuer}\``);
    if (declared.keys.some((key) => !keys.includes(key)))
      this.#fail(`${place} lacks a declared key of \`${declared.issuer}\`: tokens signed with it are refused`);
  }

  #callsAsUser(workload: Workload, issuer: string): boolean {
    return this.#connections()
      .grantsOf(workload, 'egress')
      .some(({ user }: Grant) => user?.issuer === issuer);
  }

  #fail(note: string): void {
    this.#ledger.failed = true;
    this.#ledger.notes.add(note);
  }
}

/** A rule with where it stands, in words. */
interface PlacedRule {
  readonly rule: JwtRule;
  readonly place: string;
}

const TOKEN_ATTRIBUTES = /^(token|fault|issuer|claim .*)$/;

function isAboutTokens({ grant, differsIn, expected }: Counterexample): boolean {
  const isNear = differsIn.length > 0 && differsIn.every((name) => TOKEN_ATTRIBUTES.test(name));
  return grant?.user != null && expected === 'deny' && isNear;
}

/** Where else than in `authorization: Bearer` the rule looks for tokens; the default also takes a query parameter. */
function otherPlaces({ fromHeaders, fromParams, fromCookies }: JwtRule): readonly string[] {
  const params = fromHeaders.length + fromParams.length + fromCookies.length === 0 ? ['access_token'] : fromParams;
  return [
    ...fromHeaders.flatMap(({ name, prefix }) =>
      name.toLowerCase() === 'authorization' && prefix === 'Bearer ' ? [] : [`the header \`${name}: ${prefix}\``],
    ),
    ...params.map((name) => `the query parameter \`${name}\``),
    ...fromCookies.map((name) => `the cookie \`${name}\``),
  ];
}

const listOf = (texts: Iterable<string>): string => [...texts].map((text) => `\`${text}\``).join(', ');

function headerText(header: string | null): string {
  return header === null || header === '' ? 'no header' : `the header \`${header}\``;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
