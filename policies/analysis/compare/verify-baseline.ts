/** What can be proved of a mesh without an intent: no plaintext, no strangers, default deny, no vacuous rule. */
import type { Mesh, Workload } from '../../language/mesh.ts';
import { ambientLabels } from '../ambient/capture.ts';
import { assumptionsOf } from '../assumptions.ts';
import type { Profile } from '../profile.ts';
import { isTrusted } from '../symbolic/connection.ts';
import { BudgetExceeded, type Node } from '../symbolic/diagram.ts';
import { Effort } from '../symbolic/effort.ts';
import { all, type Formula, holds, not } from '../symbolic/formula.ts';
import { decideAtProxy } from '../symbolic/proxy.ts';
import { Universe } from '../symbolic/universe.ts';
import type { World } from '../world.ts';
import { cellOf, confirm, deciderOf, keptOut, requestOf, type Site, tryFindNearest } from './counterexample.ts';
import { checkDefaultDeny } from './default-deny.ts';
import { MeshIndex, portsOf, undeclaredWorkload } from './destinations.ts';
import { foreignNames } from './foreign-names.ts';
import { isProxysOwn, networkOnlyNotes } from './network-only.ts';
import { Ledger } from './obligation.ts';
import { RuleAudit } from './rule-audit.ts';
import { siteOf } from './site-check.ts';
import type { Verification } from './verify.ts';

/** Verifies what needs no intent. `progress` is called after each workload. */
export function verifyBaseline(
  mesh: Mesh,
  options: { readonly profile: Profile; readonly progress?: () => void },
): Verification {
  return new Baseline(mesh, options).run();
}

const READS_ANY_SAN =
  'rules that name no trust domain (`namespaces`, `*/…`, `serviceAccounts`) read every SAN of a certificate: one of a foreign trust domain beside an accepted one is not counted there';

class Baseline {
  readonly #index: MeshIndex;
  readonly #options: { readonly profile: Profile; readonly progress?: () => void };
  readonly #plaintext = new Ledger();
  readonly #trusted = new Ledger();
  readonly #deny = new Ledger();
  readonly #vacuous = new Ledger();
  readonly #audit = new RuleAudit();
  readonly #effort = new Effort();
  #ports = 0;

  constructor(mesh: Mesh, options: { readonly profile: Profile; readonly progress?: () => void }) {
    this.#index = new MeshIndex(mesh);
    this.#options = options;
  }

  run(): Verification {
    const { mesh } = this.#index;
    for (const workload of mesh.workloads) {
      this.#workload(workload, this.#index.slice(workload.namespace));
      this.#options.progress?.();
    }
    for (const namespace of new Set(mesh.workloads.map((workload) => workload.namespace))) {
      const slice = this.#index.slice(namespace);
      const workload = undeclaredWorkload(namespace);
      checkDefaultDeny(this.#deny, { ...slice, workloads: [...slice.workloads, workload] }, workload);
    }
    for (const note of networkOnlyNotes(mesh, [], mesh.config.trustDomain)) this.#plaintext.notes.add(note);
    this.#audit.closeVacuous(this.#vacuous, mesh);
    for (const label of ambientLabels(mesh, mesh.workloads))
      for (const ledger of [this.#deny, this.#vacuous]) ledger.assumptions.add(label);
    return {
      obligations: [
        this.#plaintext.close('no-plaintext'),
        this.#trusted.close('trusted-identities-only'),
        this.#deny.close('default-deny'),
        this.#vacuous.close('no-vacuous-rule'),
      ],
      ports: this.#ports,
      workloads: mesh.workloads.length,
      grants: 0,
      notChecked: [],
    };
  }

  #workload(workload: Workload, mesh: Mesh): void {
    checkDefaultDeny(this.#deny, mesh, workload);
    for (const ledger of [this.#plaintext, this.#trusted])
      for (const assumption of assumptionsOf(mesh, workload)) ledger.assumptions.add(assumption);
    const ports = portsOf(mesh, workload, []);
    for (const port of [...ports.named, ports.other]) {
      this.#ports += 1;
      try {
        this.#port({ mesh, profile: this.#options.profile, issuerKeys: new Map() }, workload, port);
      } catch (error) {
        if (!(error instanceof BudgetExceeded)) throw error;
        this.#audit.leaveOut();
        for (const ledger of [this.#plaintext, this.#trusted]) {
          ledger.unknown = true;
          ledger.notes.add(`\`${workload.namespace}/${workload.name}\` port ${port}: ${error.message}`);
        }
      }
    }
  }

  #port(world: World, workload: Workload, port: number): void {
    const decision = decideAtProxy({ world, workload, port, ip: null });
    const name = `\`${workload.namespace}/${workload.name}\``;
    if (isProxysOwn(decision.listener)) return;
    const plaintext = not(holds({ on: 'certificate' }));
    const stranger = all([holds({ on: 'certificate' }), not(isTrusted(world.mesh.config))]);
    const formulas = [
      decision.allowed,
      plaintext,
      stranger,
      ...decision.rules.flatMap(({ covers, arrives }) => [covers, arrives]),
    ];
    const options = {
      config: world.mesh.config,
      headers: world.profile.repeatedHeaders,
      identities: [],
      effort: this.#effort,
    };
    const universe = new Universe(formulas, { ...options, peers: 'single' });
    this.#audit.add(universe, decision);
    for (const ledger of [this.#plaintext, this.#trusted])
      for (const assumption of decision.assumptions) ledger.assumptions.add(assumption);
    const site = siteOf({ world, workload, port }, universe);
    if (decision.listener.kind === 'gateway') {
      this.#plaintext.notes.add(`${name} port ${port} is a gateway's server: callers from outside are its purpose`);
      return;
    }
    const at = (formula: Formula) => universe.diagrams.and(universe.node(decision.allowed), universe.node(formula));
    this.#refute(this.#plaintext, site, at(plaintext));
    this.#refute(this.#trusted, site, at(stranger));
    this.#foreign({ world, workload, port }, decision.allowed, options);
  }

  #foreign(place: Parameters<typeof siteOf>[0], allowed: Formula, options: Parameters<typeof foreignNames>[1]): void {
    try {
      const { found, patterns } = foreignNames(allowed, options);
      if (found !== undefined) this.#refute(this.#trusted, siteOf(place, found.universe), found.node);
      if (patterns === 'ofAny') this.#trusted.notes.add(READS_ANY_SAN);
    } catch (error) {
      if (!(error instanceof BudgetExceeded)) throw error;
      const { namespace, name } = place.workload;
      this.#trusted.unknown = true;
      this.#trusted.notes.add(
        `\`${namespace}/${name}\` port ${place.port}, certificates with several SANs: ${error.message}`,
      );
    }
  }

  #refute(ledger: Ledger, site: Site, node: Node): void {
    const { universe } = site;
    const found = tryFindNearest(site, universe.diagrams.and(node, universe.possible()), []);
    if (found === undefined) return;
    const made = requestOf(site, found.assignment, '1');
    const decider = deciderOf(site);
    const decided = confirm(site, decider, made, true);
    const change =
      decided.policy === null
        ? `no enforced ALLOW policy stops it at \`${site.destination.namespace}/${site.destination.workload}\``
        : `AuthorizationPolicy \`${decided.policy}\`, rule ${decided.rule}, lets it in`;
    ledger.counterexamples.push({
      cell: cellOf(site, made.json, null),
      request: made.json,
      expected: 'deny',
      decided,
      differsIn: [],
      grant: null,
      ...keptOut(decider, made.request, change),
    });
  }
}
