/** Proves that a mesh allows exactly the declared calls, or shows the calls on which both differ. */
import type { Mesh, Workload } from '../../language/mesh.ts';
import { ambientLabels } from '../ambient/capture.ts';
import { type Answer, toAnswer } from '../answer.ts';
import { assumptionsOf } from '../assumptions.ts';
import { isGateway } from '../attachment.ts';
import { workloadIdentity } from '../identity.ts';
import { type Listener, peerModeOf, resolveListener } from '../listener.ts';
import { decideNaively } from '../naive.ts';
import { parseRequest } from '../parse-request.ts';
import type { Profile } from '../profile.ts';
import { Effort } from '../symbolic/effort.ts';
import { NO_TOKENS } from '../symbolic/token.ts';
import { Universe } from '../symbolic/universe.ts';
import type { World } from '../world.ts';
import { DeclaredConnections } from './connections.ts';
import { anchorsOf, requestOf } from './counterexample.ts';
import { declared } from './declared.ts';
import { checkDefaultDeny } from './default-deny.ts';
import { MeshIndex, portsOf, UNDECLARED, undeclaredWorkload } from './destinations.ts';
import { checkWall, guardsItself } from './gateway-wall.ts';
import { type Grant, grantName, type Intent } from './intent.ts';
import { isProxysOwn, networkOnlyNotes } from './network-only.ts';
import { Ledger, type Obligation } from './obligation.ts';
import { plaintextCounterexamples } from './plaintext.ts';
import { checkRegistrations } from './registration/verify-registrations.ts';
import { RuleAudit } from './rule-audit.ts';
import { checkSite, type Place, type SiteResult, siteOf } from './site-check.ts';
import { checkConfinement } from './verify-confinement.ts';
import { EgressCheck } from './verify-egress.ts';
import { NetworkCheck } from './verify-network.ts';
import { checkProfiles } from './verify-profiles.ts';
import { TokenCheck } from './verify-tokens.ts';
import { waysTo } from './way.ts';

/** The outcome of a whole mesh. */
export interface Verification {
  readonly obligations: readonly Obligation[];
  /** How many ports of how many workloads were compared. */
  readonly ports: number;
  readonly workloads: number;
  readonly grants: number;
  /** What was not checked, and why. */
  readonly notChecked: readonly string[];
}

/** What `verify` may know besides mesh and intent. */
export interface VerifyOptions {
  readonly profile: Profile;
  /** `YYYY-MM-DD`: grants that ended before it fail. @default - expiry is not looked at */
  readonly on?: string;
  /** Called after each workload. */
  readonly progress?: () => void;
  /**
   * Which workloads are looked at, `undeclared` of a namespace included: what changed cannot matter to others.
   * @default - all
   */
  readonly only?: (namespace: string, workload: string) => boolean;
}

/** Verifies a mesh against an intent. */
export function verifyIntent(mesh: Mesh, intent: Intent, options: VerifyOptions): Verification {
  return new Verifier(mesh, intent, options).run();
}

class Verifier {
  readonly #index: MeshIndex;
  readonly #intent: Intent;
  readonly #options: VerifyOptions;
  readonly #byCallee: ReadonlyMap<string, readonly Grant[]>;
  readonly #identities: () => readonly string[];
  readonly #equal = new Ledger();
  readonly #closed = new Ledger();
  readonly #mtls = new Ledger();
  readonly #layers = new Ledger();
  /** Policies of gateways, routes aside; null until one is met. */
  #walls: Ledger | null = null;
  readonly #deny = new Ledger();
  readonly #profiles = new Ledger();
  readonly #audit = new RuleAudit();
  readonly #effort = new Effort();
  readonly #connections: () => DeclaredConnections;
  readonly #tokens: TokenCheck;
  #ports = 0;

  constructor(mesh: Mesh, intent: Intent, options: VerifyOptions) {
    this.#index = new MeshIndex(mesh);
    this.#intent = intent;
    this.#options = options;
    const byCallee = new Map<string, Grant[]>();
    for (const grant of intent.grants) {
      if (grant.callee.kind === 'external' || grant.protocol === 'udp' || grant.caller.kind === 'node') continue;
      const key = `${grant.callee.namespace}/${grant.callee.workload}`;
      const known = byCallee.get(key);
      if (known === undefined) byCallee.set(key, [grant]);
      else known.push(grant);
    }
    this.#byCallee = byCallee;
    this.#identities = once(() => knownIdentities(mesh, intent));
    this.#connections = once(() => new DeclaredConnections(this.#index, intent));
    this.#tokens = new TokenCheck(this.#index, intent, this.#connections);
  }

  run(): Verification {
    const { mesh } = this.#index;
    const { only = () => true } = this.#options;
    for (const workload of mesh.workloads) {
      if (only(workload.namespace, workload.name)) this.#workload(workload, this.#index.around(workload));
      this.#options.progress?.();
    }
    const namespaces = [...new Set(mesh.workloads.map(({ namespace }) => namespace))];
    for (const namespace of namespaces) if (only(namespace, UNDECLARED)) this.#undeclared(namespace);
    const known = new Set(mesh.workloads.map(({ namespace, name }) => `${namespace}/${name}`));
    for (const [callee, grants] of this.#byCallee)
      if (!known.has(callee))
        this.#equal.notes.add(`${callee} is not part of the manifests: ${grants.length} grants are not decided`);
    for (const note of networkOnlyNotes(mesh, this.#intent.grants, this.#intent.trustDomain))
      this.#equal.notes.add(note);
    if (!hasNetworkPolicies(mesh) && this.#intent.grants.some(({ guard }) => guard === 'networkPolicy')) {
      this.#layers.failed = true;
      this.#layers.notes.add('calls are declared as guarded by NetworkPolicy alone, and the manifests hold none');
    }
    const labels = ambientLabels(mesh, [...mesh.workloads, ...namespaces.map(undeclaredWorkload)]);
    for (const label of labels)
      for (const ledger of [this.#closed, this.#mtls, this.#layers, this.#deny, this.#profiles])
        ledger.assumptions.add(label);
    return {
      obligations: [
        this.#equal.close('allowed-equals-declared'),
        this.#closed.close('undeclared-workloads-closed'),
        this.#mtls.close('mutual-tls-only'),
        this.#layers.close('declared-calls-pass-every-layer'),
        ...this.#inFront(labels),
        this.#deny.close('default-deny'),
        ...this.#tokens.close(),
        ...checkConfinement(mesh, this.#intent, this.#options),
        ...checkRegistrations(mesh, this.#intent),
        this.#profiles.close('same-under-every-profile'),
        ...this.#ruleObligations(labels),
        ...(this.#options.on === undefined ? [] : [this.#expired(this.#options.on)]),
      ],
      ports: this.#ports,
      workloads: mesh.workloads.length,
      grants: this.#intent.grants.length,
      notChecked: notCheckedOf(mesh),
    };
  }

  /** The layers in front of proxies, where the manifests have them. */
  #inFront(labels: readonly string[]): readonly Obligation[] {
    const obligations: Obligation[] = [];
    const { mesh } = this.#index;
    const known = () => ({ connections: this.#connections(), options: this.#options });
    if (this.#walls !== null) obligations.push(this.#walls.close('gateway-policies-equal-declared'));
    if (hasNetworkPolicies(mesh)) {
      const network = new NetworkCheck(this.#index, this.#intent, known());
      network.run();
      for (const label of labels) network.ledger.assumptions.add(label);
      obligations.push(network.ledger.close('network-equals-declared'));
    }
    if (limitsEgress(mesh)) {
      const egress = new EgressCheck(this.#index, this.#intent, known());
      egress.run();
      for (const label of labels) egress.ledger.assumptions.add(label);
      obligations.push(egress.ledger.close('egress-equals-declared'));
    }
    return obligations;
  }

  /** Only for whole meshes: a rule's part elsewhere is not looked at where workloads are left out. */
  #ruleObligations(labels: readonly string[]): readonly Obligation[] {
    if (this.#options.only !== undefined) return [];
    const [vacuous, idle] = [new Ledger(), new Ledger()];
    for (const label of labels) for (const ledger of [vacuous, idle]) ledger.assumptions.add(label);
    this.#audit.closeVacuous(vacuous, this.#index.mesh);
    this.#audit.closeIdle(idle, this.#index.mesh);
    return [vacuous.close('no-vacuous-rule'), idle.close('no-idle-rule')];
  }

  #place(workload: Workload, mesh: Mesh, port: number): Place {
    const world: World = { mesh, profile: this.#options.profile, issuerKeys: new Map() };
    const grants = this.#byCallee.get(`${workload.namespace}/${workload.name}`) ?? [];
    return { world, workload, port, grants: grants.filter((grant) => grant.port === port), effort: this.#effort };
  }

  #workload(workload: Workload, mesh: Mesh): void {
    const grants = this.#byCallee.get(`${workload.namespace}/${workload.name}`) ?? [];
    const ports = portsOf(
      mesh,
      workload,
      grants.map(({ port }) => port),
    );
    checkDefaultDeny(this.#deny, mesh, workload);
    this.#tokens.check(workload);
    for (const assumption of assumptionsOf(mesh, workload)) this.#equal.assumptions.add(assumption);
    for (const port of [...ports.named, ports.other]) {
      const place = this.#place(workload, mesh, port);
      if (this.#isBeyondProxies(place)) continue;
      const result = checkSite(place, this.#identities, this.#audit);
      checkProfiles(place, this.#profiles);
      this.#take(this.#equal, place, result);
      if (guardsItself(place)) {
        this.#walls ??= new Ledger();
        checkWall(this.#walls, place, this.#identities);
      }
      if (place.grants.length === 0) continue;
      const listener = result.kind === 'unknown' ? resolveListener(mesh, workload, port) : result.listener;
      this.#checkLayers(place, listener);
    }
  }

  /** Ports where no proxy decides and nothing is declared: they are the network's, which is checked on its own. */
  #isBeyondProxies({ world, workload, port, grants }: Place): boolean {
    if (grants.length > 0 || !isProxysOwn(resolveListener(world.mesh, workload, port))) return false;
    if (isGateway(world.mesh, workload))
      this.#equal.notes.add(
        `\`${workload.namespace}/${workload.name}\` is a gateway: only its servers' ports are intercepted and decided`,
      );
    return true;
  }

  #take(ledger: Ledger, place: Place, result: SiteResult): void {
    this.#ports += 1;
    if (result.kind === 'unknown') {
      ledger.unknown = true;
      ledger.notes.add(`\`${place.workload.namespace}/${place.workload.name}\` port ${place.port}: ${result.because}`);
      return;
    }
    for (const assumption of result.assumptions) ledger.assumptions.add(assumption);
    this.#checkTransport(place, result);
    this.#tokens.take(place, result);
    if (result.leans === 'onHandshake') addHelp(ledger, place);
    if (result.kind !== 'different') return;
    ledger.counterexamples.push(...result.counterexamples);
    if (result.more > 0)
      ledger.notes.add(`\`${place.workload.namespace}/${place.workload.name}\` port ${place.port}: more cells differ`);
  }

  #checkTransport(place: Place, { listener }: Exclude<SiteResult, { kind: 'unknown' }>): void {
    const found = plaintextCounterexamples(place, listener);
    this.#mtls.counterexamples.push(...found);
    if (found.length === 0 && (listener.kind === 'sidecar' || listener.kind === 'ztunnel')) addHelp(this.#mtls, place);
  }

  /**
   * Each declared call, sent by the workloads that run under the caller's account, passes egress, transport and network
   * too: where the way shows the caller's certificate, the proxy decides as it was proved to.
   */
  #checkLayers(place: Place, listener: Listener): void {
    const meshFrom = this.#index.waysTo(place.workload);
    const byCaller = Map.groupBy(place.grants, ({ caller }) => (caller.kind === 'identity' ? caller.identity : ''));
    for (const grants of byCaller.values()) {
      const caller = grants[0]?.caller;
      if (caller?.kind !== 'identity') continue;
      const { namespace, serviceAccount } = caller;
      for (const source of this.#index.accountWorkloads(namespace, serviceAccount)) {
        const ways = waysTo(meshFrom(source.namespace), source, {
          workload: place.workload,
          port: place.port,
          listener,
        });
        if (ways.every((way) => way.kind === 'open' && way.shows === 'certificate')) continue;
        for (const grant of grants) this.#checkWay(place, grant, source);
      }
    }
  }

  #checkWay(place: Place, grant: Grant, source: Workload): void {
    const mesh = this.#index.between(source.namespace, place.workload.namespace);
    const world: World = { ...place.world, mesh };
    const meaning = declared([grant], resolveListener(mesh, place.workload, place.port), NO_TOKENS);
    const universe = new Universe([meaning.atLeast], {
      config: mesh.config,
      headers: world.profile.repeatedHeaders,
      peers: 'single',
      identities: [],
    });
    const site = siteOf({ world, workload: place.workload, port: place.port }, universe);
    const [anchor] = anchorsOf(site, [{ grant, node: universe.node(meaning.atLeast) }]);
    if (anchor === undefined) return;
    const { json } = requestOf(site, anchor.assignment, 'declared');
    const request = { ...json, source: { workload: { namespace: source.namespace, name: source.name } } };
    const parsed = parseRequest(JSON.parse(JSON.stringify(request)));
    if (!parsed.ok) throw new Error('a declared call is no request');
    const decided = toAnswer(parsed.value, decideNaively(world, parsed.value));
    if (decided.verdict === 'allow') return;
    const call = grant.http === null ? `tcp ${place.port}` : `${grant.http.method} ${grant.http.path}`;
    this.#layers.counterexamples.push({
      cell: `${source.name} -> ${place.workload.name} ${call}`,
      request,
      expected: 'allow',
      decided,
      differsIn: [],
      grant,
      change: changeOf(decided),
    });
  }

  #undeclared(namespace: string): void {
    const workload = undeclaredWorkload(namespace);
    const slice = this.#index.slice(namespace);
    const mesh = { ...slice, workloads: [...slice.workloads, workload] };
    checkDefaultDeny(this.#deny, mesh, workload);
    const ports = portsOf(mesh, workload, []);
    for (const port of [...ports.named, ports.other]) {
      const place = { ...this.#place(workload, mesh, port), grants: [] };
      if (!this.#isBeyondProxies(place))
        this.#take(
          this.#closed,
          place,
          checkSite(place, () => [], this.#audit),
        );
    }
  }

  #expired(on: string): Obligation {
    const expired = this.#intent.grants.filter(({ expires }) => expires !== null && expires < on);
    return {
      name: 'no-grant-expired',
      status: expired.length === 0 ? 'proved' : 'refuted',
      assumptions: [],
      leansOn: [],
      counterexamples: [],
      notes: expired.map(
        (grant) =>
          `${grantName(grant, this.#intent.trustDomain)} ended on ${grant.expires}: ${grant.owner} must renew or remove it`,
      ),
    };
  }
}

const hasNetworkPolicies = (mesh: Mesh): boolean => mesh.networkPolicies.length > 0;

const limitsEgress = (mesh: Mesh): boolean =>
  mesh.sidecars.length + mesh.serviceEntries.length > 0 || mesh.config.outboundTrafficPolicy === 'REGISTRY_ONLY';

function notCheckedOf(mesh: Mesh): readonly string[] {
  return [
    ...(hasNetworkPolicies(mesh)
      ? []
      : ['connections below the proxies, their own ports included: the manifests hold no NetworkPolicy']),
    ...(limitsEgress(mesh) ? [] : ['egress: the manifests hold no Sidecar, and unknown hosts pass (ALLOW_ANY)']),
  ];
}

/** What keeps plaintext and foreign identities out before any rule is asked. */
function addHelp(ledger: Ledger, { world, workload, port }: Place): void {
  const { policy } = peerModeOf(world.mesh, workload, port);
  if (policy !== null) ledger.leansOn.add(`${policy.namespace}/${policy.name}`);
}

function changeOf(decided: Answer): string {
  const policy = decided.policy === null ? '' : ` \`${decided.policy}\``;
  return `${decided.layer}${policy} does not admit it: ${decided.because}`;
}

/** What only few meshes are asked for, made when it is first. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** The identities of all workloads and of all callers of the intent, so that counterexamples name them. */
function knownIdentities(mesh: Mesh, intent: Intent): readonly string[] {
  const own = mesh.workloads.map((workload) => workloadIdentity(mesh, workload));
  const declaredOnes = intent.grants.flatMap(({ caller }) => (caller.kind === 'identity' ? [caller.identity] : []));
  return [...new Set([...own, ...declaredOnes])].toSorted();
}
