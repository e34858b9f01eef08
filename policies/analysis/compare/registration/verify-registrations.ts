/**
 * Proves that SPIRE gives each identity to the pods of its workload and to no other pod, where the manifests hold
 * registrations. The pods are all that anybody could create: in any namespace, under any account, with any labels.
 */
import type { Mesh, Workload } from '../../../language/mesh.ts';
import type { IdPiece, Registration } from '../../../language/registration.ts';
import { selects } from '../../attachment.ts';
import { accountIdentity } from '../../identity.ts';
import { namespaceLabels } from '../../network.ts';
import { type Grant, grantName, type Intent } from '../intent.ts';
import { Ledger, type Obligation } from '../obligation.ts';
import { namedBy } from '../verify-confinement.ts';
import { givenTo, type RegisteredPod, termsOf } from './pod-identity.ts';
import {
  namespacesOf,
  type Owner,
  type Stranger,
  type Surroundings,
  tryFindThief,
  tryFindUndeclared,
} from './strangers.ts';

/** The obligation, where the manifests hold registrations. */
export function checkRegistrations(mesh: Mesh, intent: Intent): readonly Obligation[] {
  return mesh.registrations.length === 0 ? [] : [new RegistrationCheck(mesh, intent).run()];
}

const PROXY = 'istio-proxy';

class RegistrationCheck {
  readonly #mesh: Mesh;
  readonly #intent: Intent;
  readonly #ledger = new Ledger();
  readonly #named: readonly Workload[];
  readonly #owners: readonly Owner[];
  readonly #namespaces: readonly string[];
  readonly #surroundings = new Map<Registration, Surroundings>();

  constructor(mesh: Mesh, intent: Intent) {
    this.#mesh = mesh;
    this.#intent = intent;
    this.#named = mesh.workloads.filter(namedBy(intent));
    this.#owners = this.#ownersOf();
    this.#namespaces = namespacesOf(mesh, this.#owners);
  }

  run(): Obligation {
    const classes = this.#classes();
    for (const registration of classes.flat()) {
      this.#judge(registration, classes);
      this.#checkPowers(registration);
      if (this.#intent.identitiesBoundTo === 'proxies') this.#checkProcess(registration);
    }
    const missing = classes.map((served) => this.#missing(served));
    if (missing.every((notes) => notes.length > 0)) {
      const [fewest = []] = missing.toSorted((left, right) => left.length - right.length);
      for (const note of fewest) this.#fail(note);
      if (classes.length > 1) this.#fail('registrations are of several classes, and a controller manager serves one');
    }
    return this.#ledger.close('identities-given-as-declared');
  }

  /** The registrations that one controller manager serves; each class by itself where the manifests hold none. */
  #classes(): readonly (readonly Registration[])[] {
    const { registrations, identityIssuers } = this.#mesh;
    if (identityIssuers.length === 0) return [...Map.groupBy(registrations, ({ className }) => className).values()];
    const served = registrations.filter((each) => identityIssuers.some((issuer) => serves(issuer, each)));
    for (const each of registrations)
      if (!served.includes(each))
        this.#ledger.notes.add(
          `${nameOf(each)} is of class \`${each.className}\`, which nobody serves: it gives nothing`,
        );
    return [served];
  }

  /** The identities that policies can name: those of callers, and those of the workloads that grants name. */
  #ownersOf(): readonly Owner[] {
    const { trustDomain, grants, pods, identitiesBoundTo } = this.#intent;
    const callers = grants.flatMap(({ caller }) =>
      caller.kind === 'identity' && caller.identity.startsWith(`spiffe://${trustDomain}/`) ? [caller] : [],
    );
    const found = new Map<string, Owner>();
    for (const each of [...callers, ...this.#named]) {
      const { namespace, serviceAccount: account } = each;
      const id = accountIdentity(trustDomain, each);
      // as many callers as grants, and few accounts
      if (found.has(id)) continue;
      const isOf = (each: { readonly namespace: string; readonly serviceAccount: string }) =>
        each.namespace === namespace && each.serviceAccount === account;
      const own = [
        ...this.#mesh.workloads.filter(isOf).map((workload) => workload.ownPods),
        ...pods.filter(isOf).map(({ labels }) => ({ labels, expressions: [] })),
      ];
      found.set(id, { id, namespace, account, pods: identitiesBoundTo === 'accounts' ? 'allOfAccount' : own });
    }
    return [...found.values()];
  }

  /** What a registration's pods are looked for in, kept for each; `served` are those of its class. */
  #around(registration: Registration, served: readonly Registration[]): Surroundings {
    const known = this.#surroundings.get(registration);
    if (known !== undefined) return known;
    const { identityIssuers, config } = this.#mesh;
    const issuer = identityIssuers.find((each) => serves(each, registration));
    const isIgnored = (namespace: string) => issuer?.ignoredNamespaces.some((text) => finds(text, namespace)) === true;
    const others = registration.isFallback ? served.filter((each) => !each.isFallback && alwaysGives(each)) : [];
    const made: Surroundings = {
      namespaces: this.#namespaces,
      place: (namespace) =>
        isIgnored(namespace) ? undefined : { namespace, labels: namespaceLabels(this.#mesh, namespace) },
      terms: termsOf(config.trustDomain, issuer),
      leftOut: ({ labels }) => others.filter((each) => selects(each.namespaces, labels)).map(({ pods }) => pods),
    };
    this.#surroundings.set(registration, made);
    return made;
  }

  /** One example for each registration: what it gives of the declared identities first, then what nobody declared. */
  #judge(registration: Registration, classes: readonly (readonly Registration[])[]): void {
    const around = this.#around(registration, classes.find((served) => served.includes(registration)) ?? []);
    let unread = false;
    for (const owner of this.#owners) {
      const found = tryFindThief(registration, owner, around);
      if (found?.kind === 'found') {
        this.#report(registration, owner, found);
        return;
      }
      unread ||= found?.kind === 'unread';
    }
    if (this.#intent.identitiesBoundTo !== 'accounts' && registration.kind === 'ClusterSPIFFEID') {
      const found = tryFindUndeclared(registration, this.#owners, around);
      if (found?.kind === 'found') {
        this.#report(registration, null, found);
        return;
      }
      unread ||= found?.kind === 'unread';
    }
    if (!unread) return;
    this.#ledger.unknown = true;
    this.#ledger.notes.add(`${nameOf(registration)}: an expression or a selector of it is not read`);
  }

  #report(registration: Registration, owner: Owner | null, { pod, id }: Extract<Stranger, { kind: 'found' }>): void {
    const example = `for example to ${podText(pod)}`;
    if (owner === null) {
      this.#fail(`${nameOf(registration)} gives \`${id}\` to pods that nobody declared, ${example}`);
      return;
    }
    const calls = this.#intent.grants.filter(
      ({ caller }) => caller.kind === 'identity' && caller.identity === owner.id,
    );
    const [first] = calls;
    const power = first === undefined ? 'no call is granted to it' : this.#powerText(first, calls.length);
    const own = `${owner.namespace}/${owner.account}`;
    this.#fail(`${nameOf(registration)} gives the identity of \`${own}\` to other pods, ${example}: ${power}`);
  }

  #powerText(first: Grant, count: number): string {
    const name = grantName(first, this.#intent.trustDomain);
    return `with it ${name}${count > 1 ? ` and ${count - 1} more` : ''}`;
  }

  /** Bound to proxies: no other container of the pod gets the key. */
  #checkProcess(registration: Registration): void {
    const isProxy = registration.processes.some((each) => each.kind === 'container' && each.name === PROXY);
    if (!isProxy && registration.kind === 'ClusterSPIFFEID')
      this.#fail(`${nameOf(registration)} gives its identities to every container of a pod, not to \`${PROXY}\` alone`);
  }

  /** The workloads that do not get their own identity, or get others besides. */
  #missing(served: readonly Registration[]): readonly string[] {
    const { trustDomain } = this.#intent;
    return this.#named.flatMap((workload) => {
      const { namespace, name, serviceAccount: account, labels } = workload;
      const pod = { namespace, name, account, labels, namespaceLabels: namespaceLabels(this.#mesh, namespace) };
      const own = accountIdentity(trustDomain, workload);
      const given = this.#givenTo(pod, served);
      const ids = given.flatMap((each) => (each.kind === 'id' ? [each.id] : []));
      if (given.some(({ kind }) => kind === 'unread')) return [];
      const at = `\`${namespace}/${name}\` (${workload.at.file}:${workload.at.line})`;
      const others = ids.filter((id) => id !== own);
      return [
        ...(ids.includes(own) ? [] : [`no registration gives the pods of ${at} their identity \`${own}\``]),
        ...(others.length === 0 ? [] : [`the pods of ${at} get \`${[...new Set(others)].join('`, `')}\` besides`]),
      ];
    });
  }

  #givenTo(pod: RegisteredPod, served: readonly Registration[]) {
    const place = { namespace: pod.namespace, labels: pod.namespaceLabels };
    const given = served.flatMap((registration) => {
      const { place: placeOf, terms, leftOut } = this.#around(registration, served);
      if (placeOf(pod.namespace) === undefined) return [];
      if (leftOut(place).some((selector) => selects(selector, pod.labels))) return [];
      return [{ registration, given: givenTo(registration, pod, terms) }];
    });
    const isServed = given.some((each) => !each.registration.isFallback && each.given.kind === 'id');
    return given.flatMap((each) => (each.registration.isFallback && isServed ? [] : [each.given]));
  }

  /** Who may register identities, or signs them, can be any workload: another SPIRE server is registered statically. */
  #checkPowers({ powers, ...registration }: Registration): void {
    const what = { admin: 'may register any identity', downstream: 'get an authority that signs any identity' };
    for (const power of powers) {
      const has = `${nameOf(registration)} has \`${power}\`: the processes that it selects ${what[power]}`;
      if (registration.kind === 'ClusterSPIFFEID') this.#fail(has);
      else this.#ledger.assumptions.add(`${has}, and do not misuse it`);
    }
  }

  #fail(note: string): void {
    this.#ledger.failed = true;
    this.#ledger.notes.add(note);
  }
}

function serves(
  { className, servesClassless }: Mesh['identityIssuers'][number],
  registration: Pick<Registration, 'className'>,
): boolean {
  return registration.className === className || (registration.className === '' && servesClassless);
}

/** True iff a regular expression of the issuer's settings finds the namespace; one that is none finds nothing. */
function finds(expression: string, namespace: string): boolean {
  try {
    return new RegExp(expression).test(namespace);
  } catch {
    return false;
  }
}

/**
 * True iff every pod that its selectors select gets an ID: a fallback stands in where a template fails, too.
 * Source: spire-controller-manager `addClusterSPIFFEIDEntriesState`.
 */
function alwaysGives({ id, processes }: Registration): boolean {
  const mayFail = ({ kind }: IdPiece) => kind === 'label' || kind === 'anything';
  const templates = processes.flatMap((each) => ('value' in each ? [each.value] : []));
  return ![id, ...templates].some((pieces) => pieces.some(mayFail)) && processes.every(({ kind }) => kind !== 'unread');
}

const nameOf = ({ kind, name, at }: Pick<Registration, 'kind' | 'name' | 'at'>): string =>
  `${kind} \`${name}\` (${at.file}:${at.line})`;

function podText({ namespace, account, labels }: RegisteredPod): string {
  return JSON.stringify({ namespace, serviceAccount: account, labels });
}
