/**
 * Who may call a workload where its rules are plain, without a diagram: every rule names whole identities, and asks for
 * nothing else but ports, methods and paths that some request has. Most workloads of a mesh are of that kind, and the
 * ways of an intruder need all of them. What is not plain is left to `Callers`.
 */
import type { AuthorizationPolicy, Clause, Rule, RulePart } from '../../language/authorization.ts';
import type { Mesh, Workload } from '../../language/mesh.ts';
import { exactIdentity } from '../indexed/compile-clause.ts';
import { resolveListener } from '../listener.ts';
import { isPlainPath } from '../normalize.ts';
import type { Profile } from '../profile.ts';
import { rulesOnChain } from '../rules.ts';
import { portsOf } from './destinations.ts';
import { isProxysOwn } from './network-only.ts';
import { networkAdmits } from './way.ts';

/** A workload, and the mesh as it and those that call it see it. */
export interface CalledWorkload {
  readonly workload: Workload;
  /** No other policies than those that apply to the workload. */
  readonly mesh: Mesh;
  /** For a call to it, by the namespace of the caller. */
  readonly meshFrom: (source: string) => Mesh;
  readonly identities: ReadonlyMap<string, readonly Workload[]>;
  readonly profile: Profile;
  /** The `namespace/name` of a workload: always the same text, which is found faster than an equal one. */
  readonly nameOf: (workload: Workload) => string;
}

/**
 * The workloads that may call it once they are compromised, sorted by `namespace/name`; undefined where some rule, port
 * or connection is not plain. Nobody from outside the mesh can call a workload that is.
 */
export function tryPlainCallers(called: CalledWorkload): readonly string[] | undefined {
  const { workload, mesh } = called;
  const rules = new ChainRules(called);
  const ports = portsOf(mesh, workload, []);
  const callers = new Set<string>();
  for (const port of [...ports.named, ports.other]) {
    const chains = tryChains(called, port);
    if (chains === undefined) return undefined;
    for (const chain of chains) {
      const plain = rules.tryPlain(chain);
      if (plain === undefined) return undefined;
      for (const rule of plain)
        for (const identity of identitiesAt(rule, port)) addCallers(callers, called, { identity, port });
    }
  }
  return [...callers].toSorted();
}

/** The chains on which the rules see every caller's identity; undefined where some caller shows none. */
function tryChains({ workload, mesh }: CalledWorkload, port: number): readonly Chain[] | undefined {
  const listener = resolveListener(mesh, workload, port);
  if (isProxysOwn(listener)) return [];
  if (listener.kind !== 'sidecar' || listener.mode === 'DISABLE') return undefined;
  return listener.protocol === 'auto' ? ['http', 'tcp'] : [listener.protocol];
}

function addCallers(
  callers: Set<string>,
  { workload, identities, meshFrom, nameOf }: CalledWorkload,
  { identity, port }: { readonly identity: string; readonly port: number },
): void {
  for (const source of identities.get(identity) ?? []) {
    const isItself = source.namespace === workload.namespace && source.name === workload.name;
    if (!isItself && networkAdmits(meshFrom(source.namespace), source, { workload, port })) callers.add(nameOf(source));
  }
}

type Chain = 'http' | 'tcp';

/** A rule with the part that names its identities. */
interface PlainRule {
  readonly named: RulePart;
  readonly parts: readonly RulePart[];
}

/** The rules of a workload by chain, each read once for all ports. */
class ChainRules {
  readonly #policies: readonly AuthorizationPolicy[];
  readonly #profile: Profile;
  readonly #known: Partial<Record<Chain, readonly PlainRule[] | 'notPlain'>> = {};

  constructor({ mesh, profile }: CalledWorkload) {
    this.#profile = profile;
    this.#policies = mesh.authorizationPolicies.filter(
      ({ enforcement, action }) => enforcement === 'enforced' && action.kind !== 'AUDIT',
    );
  }

  /** Undefined where a policy does other than allow, none does, or a rule is not plain. */
  tryPlain(chain: Chain): readonly PlainRule[] | undefined {
    const known = this.#known[chain] ?? this.#read(chain);
    this.#known[chain] = known;
    return known === 'notPlain' ? undefined : known;
  }

  #read(chain: Chain): readonly PlainRule[] | 'notPlain' {
    const policies = this.#policies;
    if (policies.length === 0 || policies.some(({ action }) => action.kind !== 'ALLOW')) return 'notPlain';
    const found: PlainRule[] = [];
    for (const { rule } of rulesOnChain(policies, chain, this.#profile)) {
      const plain = tryRule(rule);
      if (plain === undefined) return 'notPlain';
      found.push(plain);
    }
    return found;
  }
}

function tryRule({ parts }: Rule): PlainRule | undefined {
  let named: RulePart | undefined;
  let reads = 0;
  for (const part of parts) {
    const own = readBy(part);
    // two parts that read the same attribute may exclude each other
    if (own === undefined || (own & reads & ONCE) !== 0) return undefined;
    reads |= own;
    if ((own & PEER) !== 0) named = part;
  }
  return named === undefined ? undefined : { named, parts };
}

function identitiesAt({ named, parts }: PlainRule, port: number): readonly string[] {
  for (const { alternatives } of parts) if (!alternatives.some((clauses) => areAboutPort(clauses, port))) return [];
  const found: string[] = [];
  for (const clauses of named.alternatives) {
    if (!areAboutPort(clauses, port)) continue;
    for (const clause of clauses)
      if (clause.on === 'peer') for (const pattern of clause.values) found.push(exactIdentity(pattern) ?? '');
  }
  return found;
}

const [PEER, METHOD, PATH, PORT] = [1, 2, 4, 8];
const ONCE = PEER | METHOD | PATH;
const BITS: Partial<Record<Clause['on'], number>> = { peer: PEER, method: METHOD, path: PATH, port: PORT };

/** The attributes that a part reads: each alternative at most once, and all of them the peer, or none. */
function readBy({ alternatives }: RulePart): number | undefined {
  let reads = 0;
  let peers = 0;
  for (const clauses of alternatives) {
    let own = 0;
    for (const clause of clauses) {
      const bit = BITS[clause.on] ?? 0;
      if (bit === 0 || (own & bit) !== 0 || !isPlain(clause)) return undefined;
      own |= bit;
    }
    reads |= own;
    peers += own & PEER;
  }
  return peers === 0 || peers === alternatives.length ? reads : undefined;
}

function areAboutPort(clauses: readonly Clause[], port: number): boolean {
  for (const clause of clauses) if (!isAboutPort(clause, port)) return false;
  return true;
}

function isAboutPort(clause: Clause, port: number): boolean {
  if (clause.on !== 'port') return true;
  return (clause.values.length === 0 || clause.values.includes(port)) && !clause.notValues.includes(port);
}

const METHOD_NAME = /^[A-Z]+$/;

/** True iff the clause holds for some request whatever else is asked of it, and a peer's names whole identities. */
function isPlain(clause: Clause): boolean {
  if (clause.unusable.length > 0) return false;
  if (clause.on === 'port') return true;
  if (clause.notValues.length > 0 || clause.values.length === 0) return false;
  switch (clause.on) {
    case 'peer':
      return clause.values.every((pattern) => exactIdentity(pattern) !== undefined);
    case 'method':
      return clause.values.every((pattern) => pattern.kind === 'exact' && METHOD_NAME.test(pattern.value));
    case 'path':
      return clause.values.every((pattern) => pattern.kind === 'exact' && isPlainPath(pattern.value));
    default:
      return false;
  }
}
