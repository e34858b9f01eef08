/** One chain of one port with its rules indexed and its verdicts made. */
import type { Action } from '../../language/authorization.ts';
import { customEffect } from '../custom.ts';
import { type EnforcementPoint, ofAction, tokenRulesAt } from '../enforcement-point.ts';
import { isPlainPath, normalizePath } from '../normalize.ts';
import type { Request } from '../request.ts';
import { verifiers } from '../token.ts';
import { asGiven, type GivenHeaders, givenHeaders } from '../token-headers.ts';
import { VERDICT_CODES, type Verdict, type VerdictCode, verdict } from '../verdict.ts';
import type { World } from '../world.ts';
import type { CallerRecords } from './caller-records.ts';
import { CustomGate } from './custom-gate.ts';
import { PathTable, UNNAMED } from './path-table.ts';
import type { Peer, PeerTable } from './peer-table.ts';
import { NO_METADATA, newQuery, type Query } from './query.ts';
import { RuleIndex } from './rule-index.ts';
import { type GateOutcome, TokenGate } from './token-gate.ts';

/** Where a chain stands. */
export interface ChainPlace {
  readonly world: World;
  readonly point: EnforcementPoint;
  readonly port: number;
  readonly kind: 'http' | 'tcp';
  /** The assumptions of every verdict at the workload and, for callers of the mesh, at the caller. */
  readonly assumptions: readonly string[];
  readonly peers: PeerTable;
  /** What every verdict says besides its reason. @default - '' */
  readonly via?: string;
}

/** A chain's place with its table of paths. */
type Indexing = ChainPlace & { readonly paths: PathTable };

/** Decides what the proxy decides on one chain; every verdict is made beforehand. */
export class Chain {
  readonly #place: ChainPlace;
  readonly #paths = new PathTable();
  readonly #query: Query = newQuery();
  readonly #custom: CustomGate | null;
  readonly #deny: RuleIndex;
  readonly #allow: RuleIndex | null;
  /** What ALLOW rules say of most callers; null where anything else comes before them. */
  readonly #records: CallerRecords | null;
  readonly #gate: TokenGate;
  readonly #given: GivenHeaders;
  readonly #fixed: Readonly<
    Record<'closed' | 'badRequest' | 'unauthorized' | 'otherAudience' | 'noPolicy' | 'noAllowRule', Verdict>
  >;

  constructor(place: ChainPlace) {
    const { world, point } = place;
    const indexing = { ...place, paths: this.#paths };
    this.#place = place;
    this.#custom = tryCustomGate(indexing);
    this.#deny = ruling(indexing, 'DENY', VERDICT_CODES.deniedByRule);
    this.#allow = ofAction(point, 'ALLOW').length === 0 ? null : ruling(indexing, 'ALLOW', VERDICT_CODES.allowedByRule);
    this.#records = this.#custom === null && this.#deny.isEmpty() ? (this.#allow?.records ?? null) : null;
    const rules = tokenRulesAt(point);
    this.#gate = new TokenGate(verifiers(rules, world.issuerKeys));
    this.#given = givenHeaders(rules);
    this.#fixed = {
      closed: verdictHere(place, VERDICT_CODES.codecClosed),
      badRequest: verdictHere(place, VERDICT_CODES.codecBadRequest),
      unauthorized: verdictHere(place, VERDICT_CODES.tokenRefused),
      otherAudience: verdictHere(place, VERDICT_CODES.tokenForOtherAudience),
      noPolicy: verdictHere(place, VERDICT_CODES.allowedWithoutPolicy),
      noAllowRule: verdictHere(place, VERDICT_CODES.noAllowRule),
    };
  }

  /** Decides a request whose connection this chain has accepted. */
  decide(request: Request, identities: readonly string[] | null, peer: Peer): Verdict {
    const query = this.#query;
    query.identities = identities;
    query.peer = peer;
    query.sourceIp = request.sourceIp;
    query.destinationIp = request.destination.ip;
    query.sni = request.sni;
    query.metadata = request.metadata ?? NO_METADATA;
    query.claims = null;
    return this.#place.kind === 'http' ? this.#decideHttp(query, request) : this.#decideTcp(query, request);
  }

  #decideTcp(query: Query, request: Request): Verdict {
    query.remoteIp = request.sourceIp;
    if (this.#custom === null) return this.#decideByRules(query);
    return this.#custom.tryDeny(query) ?? this.#custom.assume(query, () => this.#decideByRules(query));
  }

  #decideHttp(query: Query, request: Request): Verdict {
    const http = request.http;
    if (http === null) return this.#fixed.closed;
    const known = this.#records?.tryFind(query.peer, http);
    if (known !== undefined) return this.#refusalOf(this.#gate.decide(request.token, http)) ?? known;
    query.http = http;
    query.remoteIp = request.remoteIp;
    const named = this.#paths.tryPlain(http.path);
    if (named !== undefined || isPlainPath(http.path)) {
      query.path = http.path;
      query.pathNumber = named ?? UNNAMED;
      query.pathAndQuery = http.path;
    } else {
      const path = normalizePath(http.path, this.#place.world.mesh.config.pathNormalization, this.#place.world.profile);
      if (path.kind === 'closed') return this.#fixed.closed;
      if (path.kind === 'badRequest') return this.#fixed.badRequest;
      query.path = path.path;
      query.pathNumber = this.#paths.of(path.path);
      query.pathAndQuery = path.pathAndQuery;
    }
    if (this.#custom === null) return this.#decideByToken(query, request);
    return this.#custom.tryDeny(query) ?? this.#custom.assume(query, () => this.#decideByToken(query, request));
  }

  #decideByToken(query: Query, request: Request): Verdict {
    const outcome = this.#gate.decide(request.token, query.http);
    const refusal = this.#refusalOf(outcome);
    if (refusal !== undefined) return refusal;
    if (typeof outcome === 'object') {
      query.claims = request.token?.claims ?? null;
      query.delimited = outcome.delimited;
    }
    if (this.#given.size > 0) {
      const rule = typeof outcome === 'object' ? outcome.verifier.rule : null;
      const { claims } = query;
      query.http = asGiven(query.http, this.#given, rule === null || claims === null ? null : { rule, claims });
    }
    return this.#decideByRules(query);
  }

  #refusalOf(outcome: GateOutcome): Verdict | undefined {
    if (outcome === 401) return this.#fixed.unauthorized;
    return outcome === 403 ? this.#fixed.otherAudience : undefined;
  }

  #decideByRules(query: Query): Verdict {
    const denied = this.#deny.firstMatch(query);
    if (denied !== undefined) return denied;
    if (this.#allow === null) return this.#fixed.noPolicy;
    return this.#allow.firstMatch(query) ?? this.#fixed.noAllowRule;
  }
}

function verdictHere(place: ChainPlace, code: VerdictCode): Verdict {
  const { kind, assumptions, via = '' } = place;
  return verdict(code, { answers: kind === 'http' ? 'http' : 'nothing', assumptions, detail: via });
}

function ruling(place: Indexing, action: Action['kind'], code: VerdictCode): RuleIndex {
  const { point, port, world, peers, paths } = place;
  const rules = point.rulesOn(place.kind, ofAction(point, action));
  return new RuleIndex(rules, verdictHere(place, code), { port, profile: world.profile, peers, paths });
}

function tryCustomGate(place: Indexing): CustomGate | null {
  const effect = customEffect(ofAction(place.point, 'CUSTOM'), place.world.mesh.config, place.kind);
  switch (effect.kind) {
    case 'nothing':
      return null;
    case 'denies':
      return new CustomGate(ruling(place, 'CUSTOM', effect.code), null);
    case 'asks':
      return new CustomGate(ruling(place, 'CUSTOM', VERDICT_CODES.customWithoutProvider), effect.assumption);
  }
}
