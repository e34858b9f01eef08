/** What a single declaration or admission must satisfy by itself, before the two keys are joined. */
import type { ServiceDeclaration } from '../../services/runtime/declaration.ts';
import type { Admission } from './admission.ts';
import type { IntentProblem } from './grant.ts';

const dnsLabel = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
const day = /^\d{4}-\d{2}-\d{2}$/;

const declaredIn = (service: ServiceDeclaration): string => `services/${service.name}/service.ts`;

function isDay(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  return day.test(text) && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

function checkNames(service: ServiceDeclaration): readonly IntentProblem[] {
  const names = { name: service.name, namespace: service.namespace, serviceAccount: service.serviceAccount };
  return Object.entries(names)
    .filter(([, value]) => !dnsLabel.test(value))
    .map(([field, value]) => ({
      code: 'service/bad-name',
      message: `${field} \`${value}\`: expected a DNS label, which a SPIFFE ID can hold without escapes`,
      sources: [declaredIn(service)],
      help: 'use lower-case letters, digits and inner hyphens, beginning with a letter, at most 63 characters',
    }));
}

function checkCalls(service: ServiceDeclaration): readonly IntentProblem[] {
  const problems: IntentProblem[] = [];
  const seen = new Map<string, string>();
  for (const call of service.calls) {
    const report = (code: string, message: string, help: string, ...more: string[]) =>
      problems.push({
        code,
        message: `call of \`${service.name}\`: ${message}`,
        sources: [call.source, ...more],
        help,
      });
    if (call.reason.trim() === '')
      report('call/no-reason', 'expected a reason, got an empty text', 'say why the call is needed');
    if (call.owner.trim() === '')
      report('call/no-owner', 'expected an owner, got an empty text', 'name the team that answers for it');
    if (!Number.isSafeInteger(call.timeoutMs) || call.timeoutMs <= 0)
      report('call/bad-timeout', `expected whole milliseconds above 0, got \`${call.timeoutMs}\``, 'set timeoutMs');
    if (call.expires !== undefined && !isDay(call.expires))
      report(
        'call/bad-expiry',
        `expected a day such as \`2027-06-30\`, got \`${call.expires}\``,
        'write year-month-day',
      );
    const key = JSON.stringify(call.target);
    const first = seen.get(key);
    if (first !== undefined)
      report('call/declared-twice', 'the same target is declared before', 'remove one of the two', first);
    seen.set(key, call.source);
  }
  return problems;
}

function checkUnique(
  services: readonly ServiceDeclaration[],
  keysOf: (service: ServiceDeclaration) => readonly string[],
  what: { readonly code: string; readonly noun: string; readonly help: string },
): readonly IntentProblem[] {
  const first = new Map<string, ServiceDeclaration>();
  const problems: IntentProblem[] = [];
  for (const service of services) {
    for (const key of keysOf(service)) {
      const other = first.get(key);
      if (other === undefined) first.set(key, service);
      else
        problems.push({
          code: what.code,
          message: `${what.noun} \`${key}\` belongs to \`${other.name}\` and to \`${service.name}\``,
          sources: [declaredIn(other), declaredIn(service)],
          help: what.help,
        });
    }
  }
  return problems;
}

function checkAdmission(admission: Admission, names: ReadonlySet<string>): readonly IntentProblem[] {
  const problems: IntentProblem[] = [];
  for (const from of admission.from) {
    if (!names.has(from))
      problems.push({
        code: 'admission/unknown-caller',
        message: `\`${admission.callee}\` admits \`${from}\`: expected a workload of the catalog`,
        sources: [admission.source],
        help: `known workloads: ${[...names].join(', ')}`,
      });
  }
  if (admission.from.length === 0 || admission.userScope?.length === 0)
    problems.push({
      code: 'admission/empty',
      message: `\`${admission.callee}\` admits an empty list of callers or scopes`,
      sources: [admission.source],
      help: 'name at least one, or remove the admission',
    });
  return problems;
}

/**
 * Checks every declaration and admission by itself and for clashes of names, identities, ports and gRPC methods.
 * Codes: `service/bad-name`, `service/duplicate-name`, `service/shared-identity`, `service/shared-port`,
 * `service/shared-method`, `call/*`, `admission/unknown-caller`, `admission/empty`.
 */
export function checkDeclarations(
  catalog: readonly ServiceDeclaration[],
  admissions: readonly Admission[],
): readonly IntentProblem[] {
  const names = new Set(catalog.map((service) => service.name));
  const methodsOf = (service: ServiceDeclaration) =>
    service.contracts.flatMap((contract) =>
      contract.kind === 'grpc'
        ? contract.services.flatMap((each) => Object.values(each.methods).map((m) => m.path))
        : [],
    );
  return [
    ...catalog.flatMap(checkNames),
    ...catalog.flatMap(checkCalls),
    ...checkUnique(catalog, (service) => [service.name], {
      code: 'service/duplicate-name',
      noun: 'name',
      help: 'give each workload a name of its own: callers and admissions refer to it',
    }),
    ...checkUnique(catalog, (service) => [`${service.namespace}/${service.serviceAccount}`], {
      code: 'service/shared-identity',
      noun: 'identity',
      help: 'give each workload a service account of its own: whoever shares an identity shares its grants',
    }),
    ...checkUnique(catalog, (service) => service.contracts.map((contract) => String(contract.port)), {
      code: 'service/shared-port',
      noun: 'port',
      help: 'give each contract a port of its own: the local mesh runs all of them on one address',
    }),
    ...checkUnique(catalog, methodsOf, {
      code: 'service/shared-method',
      noun: 'method',
      help: 'let one workload implement a gRPC service: a call names its callee by the method',
    }),
    ...admissions.flatMap((admission) => checkAdmission(admission, names)),
  ];
}
