/** The rules that the CRDs state in CEL. They run on documents whose types the schema has already checked. */

import { nanosecondsOf } from './duration.ts';
import { type Cursor, holds, listOf, memberOf } from './parse-cursor.ts';
import { type Problem, problem, quote } from './problem.ts';
import type { KnownKind } from './schema/registry.ts';

const fault = (rule: string, message: string, where: Cursor, help?: string): Problem =>
  problem(`cel/${rule}`, message, where.at(), help);

/** The rules of one kind, or none; the kinds outside Istio have no CEL rules here. */
export function validateCel(document: Cursor, { kind, group }: KnownKind): readonly Problem[] {
  const spec = document.get('spec');
  switch (`${group}/${kind}`) {
    case 'security.istio.io/AuthorizationPolicy':
      return [...attachmentFaults(spec), ...sourceFaults(spec)];
    case 'security.istio.io/RequestAuthentication':
      return [...attachmentFaults(spec), ...spec.get('jwtRules').items().flatMap(jwtRuleFaults)];
    case 'security.istio.io/PeerAuthentication':
      return [...selectorFaults(spec.get('selector', 'matchLabels')), ...portLevelFaults(spec)];
    case 'telemetry.istio.io/Telemetry':
      return attachmentFaults(spec);
    case 'networking.istio.io/Sidecar':
      return [...selectorFaults(spec.get('workloadSelector', 'labels')), ...sidecarFaults(spec)];
    case 'networking.istio.io/ServiceEntry':
      return [...selectorFaults(spec.get('workloadSelector', 'labels')), ...serviceEntryFaults(spec)];
    default:
      return [];
  }
}

function attachmentFaults(spec: Cursor): readonly Problem[] {
  const given = (['selector', 'targetRef', 'targetRefs'] as const).filter((name) => spec.has(name));
  const references = [spec.get('targetRef'), ...spec.get('targetRefs').items()];
  const faults = selectorFaults(spec.get('selector', 'matchLabels'));
  const crossing = references
    .filter((reference) => reference.textOf('namespace') !== '')
    .map((reference) => {
      const namespace = reference.get('namespace');
      return fault('target-namespace', 'a target in another namespace is not supported', namespace, 'leave it out');
    });
  if (given.length < 2) return [...faults, ...crossing];
  const message = `expected one of selector, targetRef and targetRefs, got ${given.join(' and ')}`;
  return [fault('attachment', message, spec, 'use one policy for each'), ...faults, ...crossing];
}

function selectorFaults(labels: Cursor): readonly Problem[] {
  return labels.entries().flatMap(([name, value]) => {
    const text = `${name}=${value.text()}`;
    if (text.includes('*'))
      return [fault('selector-wildcard', `selector ${quote(text)}: wildcards are not allowed`, value)];
    return name === '' ? [fault('selector-key', 'selector: a label name must not be empty', value)] : [];
  });
}

const IDENTITIES = ['principals', 'notPrincipals', 'namespaces', 'notNamespaces'] as const;
const ACCOUNTS = ['serviceAccounts', 'notServiceAccounts'] as const;

const isMixed = (source: unknown): boolean =>
  ACCOUNTS.some((name) => holds(source, name)) && IDENTITIES.some((name) => holds(source, name));

function sourceFaults(spec: Cursor): readonly Problem[] {
  const isSuspect = (rule: unknown) => listOf(rule, 'from').some((from) => isMixed(memberOf(from, 'source')));
  if (!listOf(spec.value, 'rules').some(isSuspect)) return [];
  const rules = spec.get('rules').items();
  const sources = rules.flatMap((rule) => rule.get('from').items()).map((from) => from.get('source'));
  return sources
    .filter(({ value }) => isMixed(value))
    .map((source) => {
      const [account] = ACCOUNTS.filter((name) => source.has(name));
      const others = IDENTITIES.filter((name) => source.has(name));
      const message = `${account} cannot be set together with ${others.join(', ')}`;
      return fault('service-accounts', message, source, 'a service account already names its namespace');
    });
}

function portLevelFaults(spec: Cursor): readonly Problem[] {
  const ports = spec.get('portLevelMtls');
  const faults = ports.entries().flatMap(([port, value]) => {
    const isPort = /^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535;
    return isPort ? [] : [fault('port', `expected a port between 1 and 65535, got ${quote(port)}`, value)];
  });
  const isSelective = spec.get('selector', 'matchLabels').entries().length > 0;
  if (!ports.isPresent() || isSelective) return faults;
  return [fault('port-selector', 'portLevelMtls needs a selector with labels', ports, 'name the workload'), ...faults];
}

function jwtRuleFaults(rule: Cursor): readonly Problem[] {
  const faults: Problem[] = [];
  const keys = (['jwks', 'jwksUri', 'jwks_uri'] as const).filter((name) => rule.get(name).isPresent());
  if (keys.length > 1) faults.push(fault('jwks', `expected one of jwks and jwksUri, got both`, rule));
  for (const name of ['jwksUri', 'jwks_uri'] as const) {
    const uri = rule.get(name);
    const text = uri.text();
    if (!uri.isPresent() || (/^https?:/i.test(text) && URL.canParse(text))) continue;
    faults.push(fault('jwks-uri', `expected an http:// or https:// address, got ${quote(text)}`, uri));
  }
  const timeout = rule.get('timeout');
  const nanoseconds = nanosecondsOf(timeout.text());
  if (timeout.isPresent() && (nanoseconds === undefined || nanoseconds < 1_000_000)) {
    faults.push(
      fault('timeout', `expected a duration of at least 1ms, got ${quote(timeout.text())}`, timeout, 'such as `5s`'),
    );
  }
  return faults;
}

function portFaults(port: Cursor): readonly Problem[] {
  const number = port.get('number').number() ?? 0;
  const isPort = number >= 1 && number <= 65_535;
  return isPort ? [] : [fault('port', `expected a port between 1 and 65535, got \`${number}\``, port)];
}

function repeatedPorts(ports: readonly Cursor[]): readonly Problem[] {
  const seen = new Set<number | null>();
  return ports.flatMap((port) => {
    const number = port.get('number').number();
    const isRepeated = seen.has(number);
    seen.add(number);
    return isRepeated ? [fault('port-repeated', `port \`${number}\` is given twice`, port)] : [];
  });
}

function sidecarFaults(spec: Cursor): readonly Problem[] {
  const ingress = spec
    .get('ingress')
    .items()
    .map((listener) => listener.get('port'));
  const egress = spec
    .get('egress')
    .items()
    .map((listener) => listener.get('port'));
  const given = egress.filter((port) => port.isPresent() && port.get('number').isPresent());
  return [...[...ingress, ...given].flatMap(portFaults), ...repeatedPorts(ingress)];
}

function serviceEntryFaults(spec: Cursor): readonly Problem[] {
  const ports = spec.get('ports').items();
  const faults = [...ports.flatMap(portFaults), ...repeatedPorts(ports)];
  for (const host of spec.get('hosts').items()) {
    if (host.text() === '*') faults.push(fault('host', 'the host `*` is too wide for a service entry', host));
  }
  const endpoints = spec.get('endpoints');
  if (spec.get('workloadSelector').isPresent() && endpoints.items().length > 0) {
    faults.push(fault('endpoints', 'expected one of workloadSelector and endpoints, got both', spec));
  }
  const resolution = spec.get('resolution').text('NONE');
  if (resolution === 'NONE' && endpoints.items().length > 0) {
    faults.push(fault('endpoints', 'resolution `NONE` cannot have endpoints', endpoints));
  }
  return faults;
}
