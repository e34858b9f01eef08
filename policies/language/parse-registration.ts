/** Parses SPIRE's registrations and the settings of its controller manager. */
import { load } from 'js-yaml';
import { Cursor } from './parse-cursor.ts';
import { parseLabelSelector } from './parse-label-selector.ts';
import { parseNamed } from './parse-traffic.ts';
import type { IdentityIssuer, IdPiece, ProcessSelector, Registration } from './registration.ts';
import { KUBECTL_SCHEMA } from './scalar.ts';

/** Parses a ClusterSPIFFEID. */
export function parseClusterSpiffeId(document: Cursor): Registration {
  const spec = document.get('spec');
  return {
    ...parseNamed(document),
    kind: 'ClusterSPIFFEID',
    className: spec.get('className').text(),
    id: parseTemplate(spec.get('spiffeIDTemplate').text()),
    pods: parseLabelSelector(spec.get('podSelector')),
    namespaces: parseLabelSelector(spec.get('namespaceSelector')),
    processes: spec.get('workloadSelectorTemplates').texts().map(parseSelector),
    isFallback: spec.get('fallback').isTrue(),
    powers: powersOf(spec),
  };
}

/** Parses a ClusterStaticEntry; its texts are no templates. */
export function parseClusterStaticEntry(document: Cursor): Registration {
  const spec = document.get('spec');
  const everything = { labels: {}, expressions: [] };
  return {
    ...parseNamed(document),
    kind: 'ClusterStaticEntry',
    className: spec.get('className').text(),
    id: [{ kind: 'text', text: spec.get('spiffeID').text() }],
    pods: everything,
    namespaces: everything,
    processes: spec.get('selectors').texts().map(parseSelector),
    isFallback: false,
    powers: powersOf(spec),
  };
}

function powersOf(spec: Cursor): Registration['powers'] {
  return (['admin', 'downstream'] as const).filter((power) => spec.get(power).isTrue());
}

/** The settings that a ConfigMap holds in one of its texts, undefined where it holds none. */
export function tryParseIdentityIssuer(document: Cursor): IdentityIssuer | undefined {
  for (const [, entry] of document.get('data').entries()) {
    if (!/^kind:\s*ControllerManagerConfig\s*$/m.test(entry.text())) continue;
    const config = new Cursor({ file: entry.at().file, value: tryLoad(entry.text()), lineOf: () => entry.at().line });
    return {
      ...parseNamed(document),
      className: config.get('className').text(),
      servesClassless: config.get('watchClassless').isTrue(),
      ignoredNamespaces: config.get('ignoreNamespaces').texts(),
      clusterName: config.get('clusterName').text(),
      clusterDomain: config.get('clusterDomain').text(),
    };
  }
  return undefined;
}

/** Settings that are no YAML say nothing: the class is then '' and the obligation about it fails. */
function tryLoad(text: string): unknown {
  try {
    return load(text, { schema: KUBECTL_SCHEMA });
  } catch {
    return null;
  }
}

/** Parses a template: text with expressions in double braces, whose inner dashes take blanks around them away. */
export function parseTemplate(template: string): readonly IdPiece[] {
  const pieces: IdPiece[] = [];
  let [rest, trims] = [template, false];
  while (rest !== '') {
    const found = /\{\{(-(?=\s))?([\s\S]*?)((?<=\s)-)?\}\}/.exec(rest);
    const before = rest.slice(0, found?.index ?? rest.length);
    const start = trims ? before.trimStart() : before;
    const text = found?.[1] === undefined ? start : start.trimEnd();
    if (text !== '') pieces.push({ kind: 'text', text });
    if (found === null) break;
    pieces.push(parseExpression((found[2] ?? '').trim()));
    trims = found[3] !== undefined;
    rest = rest.slice(found.index + found[0].length);
  }
  return pieces;
}

const FIELDS: Readonly<Record<string, Exclude<IdPiece['kind'], 'text' | 'label' | 'anything'>>> = {
  '.TrustDomain': 'trustDomain',
  '.ClusterName': 'clusterName',
  '.ClusterDomain': 'clusterDomain',
  '.PodMeta.Namespace': 'namespace',
  '.PodMeta.Name': 'podName',
  '.PodSpec.ServiceAccountName': 'account',
};

function parseExpression(expression: string): IdPiece {
  const field = Object.hasOwn(FIELDS, expression) ? FIELDS[expression] : undefined;
  if (field !== undefined) return { kind: field };
  const indexed = /^index\s+\.PodMeta\.Labels\s+"([^"\\]+)"$/.exec(expression)?.[1];
  if (indexed !== undefined) return { kind: 'label', key: indexed, absent: 'empty' };
  const member = /^\.PodMeta\.Labels\.(\w+)$/.exec(expression)?.[1];
  if (member !== undefined) return { kind: 'label', key: member, absent: 'fails' };
  return { kind: 'anything', expression };
}

const CLAIMS = /^(unix|docker):|^k8s:(pod-)?(init-)?(container-)?image(-count)?:/;

function parseSelector(text: string): ProcessSelector {
  const [type, name = '', ...rest] = text.split(':');
  const value = parseTemplate(rest.join(':'));
  if (type === 'k8s' && name === 'ns') return { kind: 'namespace', value };
  if (type === 'k8s' && name === 'sa') return { kind: 'account', value };
  if (type === 'k8s' && name === 'pod-name') return { kind: 'podName', value };
  if (type === 'k8s' && name === 'container-name') return { kind: 'container', name: rest.join(':') };
  if (type === 'k8s' && name === 'pod-label') {
    const [key = '', ...words] = rest;
    return { kind: 'podLabel', key, value: parseTemplate(words.join(':')) };
  }
  return CLAIMS.test(text) ? { kind: 'claim', text } : { kind: 'unread', text };
}
