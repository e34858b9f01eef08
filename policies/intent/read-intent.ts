/**
 * Joins the two keys of every grant. A grant exists only where the caller's declaration and the callee's admission
 * agree; whatever stands on one side only is a problem that names both places.
 */
import type { CallDeclaration, ServiceDeclaration } from '../../services/runtime/declaration.ts';
import type { Admission } from './admission.ts';
import { checkDeclarations } from './check-declarations.ts';
import type { Grant, Intent, IntentProblem, UserRequirement } from './grant.ts';
import { Contracts, type Place } from './places.ts';
import { clusterPods, confinedNamespaces, platformFlows } from './platform.ts';

/** What differs between environments and is no team's business: whose tokens count, and the trust domain. */
export interface IntentSettings {
  readonly trustDomain: string;
  readonly issuer: string;
  readonly audiences: readonly string[];
}

/** The joined intent, or every problem at once. */
export type IntentResult =
  | { readonly ok: true; readonly intent: Intent }
  | { readonly ok: false; readonly problems: readonly IntentProblem[] };

function userOf(admission: Admission, settings: IntentSettings): UserRequirement | null {
  if (admission.userScope === undefined) return null;
  const claims = [{ claim: 'scope', values: admission.userScope }];
  return { issuer: settings.issuer, audiences: settings.audiences, claims };
}

function grantOf(
  caller: ServiceDeclaration,
  call: CallDeclaration,
  { place, callee, admission }: { place: Place; callee: ServiceDeclaration; admission: Admission },
  settings: IntentSettings,
): Grant {
  return {
    caller: { kind: 'workload', namespace: caller.namespace, serviceAccount: caller.serviceAccount },
    callee: { kind: 'workload', namespace: callee.namespace, workload: callee.name },
    protocol: place.protocol,
    port: place.port,
    http: place.http,
    user: userOf(admission, settings),
    reason: call.reason,
    owner: call.owner,
    ...(call.expires === undefined ? {} : { expires: call.expires }),
    source: call.source,
    admittedAt: admission.source,
    timeoutMs: call.timeoutMs,
    idempotent: place.method !== undefined && place.method.idempotency !== 'none',
    ...(place.protocol === 'grpc' && place.method?.http
      ? { route: `${place.method.http.method} ${place.method.http.path}` }
      : {}),
  };
}

function externalGrant(caller: ServiceDeclaration, call: CallDeclaration, host: string, port: number): Grant {
  return {
    caller: { kind: 'workload', namespace: caller.namespace, serviceAccount: caller.serviceAccount },
    callee: { kind: 'external', host },
    protocol: 'http',
    port,
    http: null,
    user: null,
    reason: call.reason,
    owner: call.owner,
    ...(call.expires === undefined ? {} : { expires: call.expires }),
    source: call.source,
    timeoutMs: call.timeoutMs,
  };
}

/**
 * Joins declarations and admissions into the intent of one environment.
 * Errors: `call/unknown-target`, `call/not-admitted`, `admission/not-called`, `admission/unknown-target` and the codes
 * of `check-declarations.ts`, all at once, each with the places of both keys.
 */
export function readIntent(
  catalog: readonly ServiceDeclaration[],
  admissions: readonly Admission[],
  settings: IntentSettings,
): IntentResult {
  const contracts = new Contracts(catalog);
  const services = new Map(catalog.map((service) => [service.name, service]));
  const problems: IntentProblem[] = [...checkDeclarations(catalog, admissions)];
  const grants: Grant[] = [];
  const used = new Set<string>();
  const admitted = new Map<string, Admission>();
  for (const admission of admissions) {
    for (const from of admission.from) admitted.set(`${from} -> ${contracts.keyOfAdmission(admission)}`, admission);
  }
  for (const caller of catalog) {
    for (const call of caller.calls) {
      if (call.target.kind === 'external') {
        grants.push(externalGrant(caller, call, call.target.host, call.target.port));
        continue;
      }
      const key = contracts.keyOfCall(call);
      const place = contracts.places.get(key);
      const callee = services.get(place?.callee ?? '');
      const admission = admitted.get(`${caller.name} -> ${key}`);
      if (place === undefined || callee === undefined) problems.push(unknownTarget(caller, call, key));
      else if (admission === undefined) problems.push(notAdmitted(caller, call, place, admissions));
      else {
        used.add(`${caller.name} -> ${key}`);
        grants.push(grantOf(caller, call, { place, callee, admission }, settings));
      }
    }
  }
  problems.push(...uncalled(admitted, used, contracts));
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    intent: {
      version: 1,
      trustDomain: settings.trustDomain,
      grants,
      platform: platformFlows(catalog),
      pods: clusterPods,
      confined: confinedNamespaces(catalog),
    },
  };
}

function unknownTarget(caller: ServiceDeclaration, call: CallDeclaration, key: string): IntentProblem {
  return {
    code: 'call/unknown-target',
    message: `\`${caller.name}\` calls \`${key}\`: expected a target in the contract of a workload of the catalog, got none`,
    sources: [call.source],
    help: "add the method, route or port to the contract in the callee's service.ts, or remove the call",
  };
}

function notAdmitted(
  caller: ServiceDeclaration,
  call: CallDeclaration,
  place: Place,
  admissions: readonly Admission[],
): IntentProblem {
  const nearest = admissions.find((admission) => admission.callee === place.callee);
  const file = nearest?.source ?? `policies/intent/${place.callee}.ts`;
  return {
    code: 'call/not-admitted',
    message: `\`${caller.name}\` calls \`${place.key}\`, but \`${place.callee}\` does not admit \`${caller.name}\` there`,
    sources: [call.source, file],
    help: `the owner of \`${place.callee}\` adds '${caller.name}' to the admission in policies/intent/${place.callee}.ts, or the call goes`,
  };
}

function uncalled(
  admitted: ReadonlyMap<string, Admission>,
  used: ReadonlySet<string>,
  contracts: Contracts,
): readonly IntentProblem[] {
  const problems: IntentProblem[] = [];
  for (const [key, admission] of admitted) {
    const target = contracts.keyOfAdmission(admission);
    if (!contracts.places.has(target)) {
      problems.push({
        code: 'admission/unknown-target',
        message: `\`${admission.callee}\` admits callers to \`${target}\`, which its contract does not hold`,
        sources: [admission.source],
        help: "admit a method, route or port of the contract in the callee's service.ts",
      });
    } else if (!used.has(key) && admission.reserved === undefined) {
      const caller = key.slice(0, key.indexOf(' '));
      problems.push({
        code: 'admission/not-called',
        message: `\`${admission.callee}\` admits \`${caller}\` to \`${target}\`, but \`${caller}\` does not declare the call`,
        sources: [admission.source, `services/${caller}/service.ts`],
        help: `declare the call in services/${caller}/service.ts, remove '${caller}' here, or mark the admission reserved with a reason`,
      });
    }
  }
  return problems;
}
