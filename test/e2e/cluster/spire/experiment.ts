/** The steps of the experiment on identity, each with what it saw. */
import { join } from 'node:path';
import type { ClusterAccess } from '#infra/cluster/access.ts';
import type { Run } from '#infra/cluster/command.ts';
import { installIssuer } from '#infra/cluster/identity-spire.ts';
import { installIstio } from '#infra/cluster/istio-installation.ts';
import { Kubectl } from '#infra/cluster/kubectl.ts';
import type { Site } from '#infra/cluster/site.ts';
import type { TradingApi } from '#infra/local/trading-api.ts';
import type { MintToken } from '#infra/local/trading-desk.ts';
import { catalog } from '#services/catalog.ts';
import { standInName, standInNamespace } from '../../../support/sds-agent/manifests.ts';
import { durationMs } from '../../../support/sds-agent/registrations.ts';
import { checkIdentities, type ExpectedCertificates } from '../identity.ts';
import { type LoadSeen, OrderLoad } from '../order-load.ts';
import { buildStandIn, writeStandIn } from './stand-in.ts';
import { type Issuer, Workloads } from './workloads.ts';

/** What the experiment works with. */
export interface Laboratory {
  readonly site: Site;
  readonly access: ClusterAccess;
  readonly api: TradingApi;
  readonly mint: MintToken;
  readonly run: Run;
  readonly say: (line: string) => void;
}

const leafLifetime = '10m';
const mostCalls = 4000;
/** Without these all answered, what is lost later says nothing about the change: the machine or the platform is ill. */
const callsBefore = 40;
const callsAfterwards = 150;
const upstreamSecret = 'istio-root';

/** Runs the steps in order and remembers what did not hold. */
export class Experiment {
  readonly #lab: Laboratory;
  readonly #workloads: Workloads;
  readonly #faults: string[] = [];

  constructor(lab: Laboratory) {
    this.#lab = lab;
    this.#workloads = new Workloads(lab.run, lab.site.names.context);
  }

  /** True iff everything held. The mesh ends with the issuer that `end` names. */
  async run(end: Issuer): Promise<boolean> {
    const { say } = this.#lab;
    await this.#install();
    let isComplete = false;
    try {
      await this.#steps();
      if (end === 'istio') await this.#move('istio');
      isComplete = true;
    } finally {
      // Cut off in the middle: the mesh gets its issuer back without load.
      if (!isComplete) await this.#moveQuietly(end);
    }
    for (const fault of this.#faults) say(`NOT HELD: ${fault}`);
    say(this.#faults.length === 0 ? 'identity: everything held' : `identity: ${this.#faults.length} faults`);
    return this.#faults.length === 0;
  }

  async #steps(): Promise<void> {
    await this.#underLoad("rotation to an authority below istiod's root", () => this.#tell('rotate'));
    await this.#move('istio');
    await this.#move('spire');
    await this.#underLoad('rotation of the authority', () => this.#tell('rotate'));
    await this.#identities('spire');
    await this.#underLoad('restart of the agent', () => this.#workloads.restartAgent(standInNamespace, standInName));
    await this.#underLoad('rotation after the restart', () => this.#tell('rotate'));
    await this.#identities('spire');
  }

  async #moveQuietly(issuer: Issuer): Promise<void> {
    await this.#workloads.move(issuer, 'rolling');
    await this.#workloads.move(issuer, 'single');
  }

  /** Under load those workloads whose new pod is ready before the old one goes; then those of which there is one only. */
  async #move(issuer: Issuer): Promise<void> {
    await this.#underLoad(`workloads that roll go to ${issuer}`, () => this.#workloads.move(issuer, 'rolling'));
    await this.#workloads.move(issuer, 'single');
    await this.#identities(issuer);
  }

  /** istiod's own root signs the stand-in's authority, so that both issuers' leaves are trusted while the mesh is moved. */
  async #install(): Promise<void> {
    const { site, access, run, say } = this.#lab;
    const { context, cluster, nodeContainer } = site.names;
    const kubectl = new Kubectl(run, context);
    const folder = join(site.state, 'spire-stand-in');
    const image = await buildStandIn({ run, baseImage: site.parameters.nodeBaseImage });
    writeStandIn(image, { rendered: `${site.dist}-issuer`, folder, leafLifetime, upstreamSecret });
    const root = await access.tryFindSecret(site.environment.rootNamespace, 'istio-ca-secret');
    if (root === undefined) throw new Error('istiod has no root of its own');
    const data = Object.fromEntries(['ca-cert.pem', 'ca-key.pem'].map((key) => [key, root.get(key) ?? '']));
    const metadata = { name: upstreamSecret, namespace: standInNamespace };
    await kubectl.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: standInNamespace } }]);
    await kubectl.apply([{ apiVersion: 'v1', kind: 'Secret', metadata, stringData: data }]);
    await installIssuer({ run, context, node: { run, cluster, nodeContainer }, folder });
    const operatorFile = join(site.dist, 'istio.yaml');
    const { rootNamespace } = site.environment;
    const { parameters } = site;
    const outcome = await installIstio(
      { run, access, kubectl, say },
      { context, rootNamespace, operatorFile, parameters },
    );
    say(`stand-in ${image} runs; Istio with the injection templates: ${outcome}`);
  }

  async #tell(command: string): Promise<void> {
    const { access } = this.#lab;
    const [pod] = (await access.pods(standInNamespace)).filter(
      ({ metadata, status }) => metadata?.deletionTimestamp === undefined && status?.phase === 'Running',
    );
    const target = { namespace: standInNamespace, pod: pod?.metadata?.name ?? '', container: standInName };
    await access.exec(target, ['node', '/app/main.js', command]);
  }

  async #underLoad(what: string, change: () => Promise<void>): Promise<void> {
    const { api, mint, say } = this.#lab;
    const run = `ID${Array.from(crypto.getRandomValues(new Uint8Array(5)), (byte) => String.fromCharCode(65 + (byte % 26))).join('')}`;
    const load = new OrderLoad(api, mint, { run, mostCalls });
    await load.start();
    await load.calls(callsBefore);
    const before = load.seen();
    if (before.lost.length > 0) {
      await load.stop();
      throw new Error(
        `no verdict: ${before.lost.length} of ${before.calls} orders were lost before anything changed: ${before.lost[0]}`,
      );
    }
    let seen: LoadSeen;
    try {
      await change();
      // What the change did to connections and certificates shows in the calls after it.
      await load.calls(callsAfterwards);
    } finally {
      seen = await load.stop();
    }
    const { calls, seconds, slowestMs, lost } = seen;
    say(`${what}: ${calls} orders in ${seconds.toFixed(1)} s, ${lost.length} lost, slowest ${slowestMs.toFixed(0)} ms`);
    for (const each of lost.slice(0, 5)) say(`  ${each}`);
    if (lost.length > 0) this.#faults.push(`${what}: ${lost.length} of ${calls} orders lost`);
  }

  async #identities(issuer: Issuer): Promise<void> {
    const { access, site, say } = this.#lab;
    const { trustDomain } = site.environment;
    const expected = { trustDomain, ...expectedFrom(issuer, trustDomain) };
    const rows = await checkIdentities(access, catalog, { trustDomain, expectedOf: () => expected });
    const issuers = [...new Set(rows.map((row) => row.issuer))].join(' | ');
    say(
      `identities of ${issuer}: ${rows.length} pods, ${rows.filter(({ faults }) => faults.length === 0).length} as expected, issued by ${issuers}`,
    );
    for (const { pod, faults } of rows) for (const fault of faults) this.#faults.push(`${issuer}: ${pod}: ${fault}`);
  }
}

/** istiod's leaves live a day, the stand-in's as long as the registrations say; both are dated a little back. */
function expectedFrom(issuer: Issuer, trustDomain: string): Omit<ExpectedCertificates, 'trustDomain'> {
  return issuer === 'istio'
    ? { issuer: `O=${trustDomain}`, lifetimeAtMostMs: 25 * 3_600_000 }
    : { issuer: 'CN=SPIRE stand-in', lifetimeAtMostMs: durationMs(leafLifetime) + 60_000 };
}
