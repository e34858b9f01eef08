/** O1 to O16: what is called. */
import { holdsLabels } from '../../attachment.ts';
import { type Materials, type Operator, operator, rewriting, type Sketch } from '../mutant.ts';
import { Spot } from '../spot.ts';
import { entries, nextAfter, operations, renamed } from './policy-text.ts';

const REFLECTION = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';

const paths = (materials: Materials): readonly Spot[] => entries(operations(materials), 'paths');

const respelled = (spell: (path: string) => readonly string[]) =>
  function* sketch(materials: Materials): Iterable<Sketch> {
    for (const entry of paths(materials))
      for (const text of spell(entry.text()))
        if (text !== entry.text()) yield rewriting(entry, text, `\`${entry.text()}\` became \`${text}\``);
  };

/** Service and method of a path: everything up to the last slash, and the rest. */
function split(path: string): readonly [string, string] {
  const slash = path.lastIndexOf('/') + 1;
  return [path.slice(0, slash), path.slice(slash)];
}

function* swappedMethods(materials: Materials): Iterable<Sketch> {
  const byPolicy = Map.groupBy(paths(materials), ({ document }) => document);
  for (const own of byPolicy.values()) {
    const known = [...new Set(own.map((entry) => entry.text()))];
    for (const entry of own) {
      const list = new Set(own.filter((each) => isSameList(each, entry)).map((each) => each.text()));
      const others = known.filter((path) => path === entry.text() || !list.has(path));
      const other = nextAfter(others, entry.text()) ?? `${split(entry.text())[0]}NoSuchMethod`;
      yield rewriting(entry, other, `\`${entry.text()}\` became \`${other}\``);
    }
  }
}

function isSameList(left: Spot, right: Spot): boolean {
  return left.steps.slice(0, -1).join() === right.steps.slice(0, -1).join();
}

const dropField = (field: string) => (materials: Materials) =>
  operations(materials)
    .map((operation) => operation.get(field))
    .filter((list) => list.isPresent())
    .map((list) => rewriting(list, undefined, `\`${field}\` was dropped`));

function* otherMethods(materials: Materials): Iterable<Sketch> {
  for (const operation of operations(materials)) {
    const list = operation.get('methods');
    if (!list.isPresent()) continue;
    const other = list.texts().includes('GET') ? 'POST' : 'GET';
    yield rewriting(list, [other], `the methods became ${other}`);
  }
}

/** The port of a Service in place of the container's; where both are the same, a port that nothing serves. */
function* servicePorts(materials: Materials): Iterable<Sketch> {
  for (const entry of entries(operations(materials), 'ports')) {
    const root = new Spot(entry.document);
    const wanted = Object.fromEntries(
      root
        .get('spec', 'selector', 'matchLabels')
        .members()
        .map(([key, label]) => [key, label.text()]),
    );
    const ports = materials.mesh.services
      .filter(({ namespace, selector }) => {
        const own = namespace === root.get('metadata', 'namespace').text();
        return own && selector.kind === 'labels' && holdsLabels(selector.labels, wanted);
      })
      .flatMap((service) => service.ports);
    const same = ports.find(({ target }) => target.kind === 'number' && String(target.number) === entry.text());
    const other = same === undefined || same.number === Number(entry.text()) ? '80' : String(same.number);
    if (other !== entry.text()) yield rewriting(entry, other, `port ${entry.text()} became ${other}`);
  }
}

function* reflection(materials: Materials): Iterable<Sketch> {
  for (const operation of operations(materials)) {
    const list = operation.get('paths');
    if (list.isPresent() && !list.texts().includes(REFLECTION))
      yield rewriting(list, [...list.texts(), REFLECTION], 'reflection was added');
  }
}

function* otherCase(materials: Materials): Iterable<Sketch> {
  yield* respelled((path) => {
    const [service, method] = split(path);
    const first = method[0] ?? '';
    const other = first === first.toLowerCase() ? first.toUpperCase() : first.toLowerCase();
    return [`${service}${other}${method.slice(1)}`, path.toLowerCase()];
  })(materials);
  for (const entry of entries(operations(materials), 'methods'))
    yield rewriting(entry, entry.text().toLowerCase(), `method ${entry.text()} is in lower case`);
}

function* hosts(materials: Materials): Iterable<Sketch> {
  for (const entry of [...entries(operations(materials), 'hosts'), ...entries(operations(materials), 'notHosts')]) {
    const host = entry.text();
    const other = /:\d+$/.test(host) ? host.replace(/:\d+$/, '') : `${host}:8080`;
    for (const text of [other, host.toUpperCase()])
      if (text !== host) yield rewriting(entry, text, `\`${host}\` became \`${text}\``);
  }
}

function* negated(materials: Materials): Iterable<Sketch> {
  const pairs = ['paths', 'methods', 'ports', 'hosts'].map((field) => [
    field,
    `not${field[0]?.toUpperCase()}${field.slice(1)}`,
  ]);
  for (const operation of operations(materials))
    for (const [field = '', not = ''] of pairs)
      for (const [from, to] of [[field, not] as const, [not, field] as const])
        if (operation.get(from).isPresent())
          yield rewriting(operation, renamed(operation.value, from, to), `\`${from}\` became \`${to}\``);
}

const templates = (path: string): readonly string[] => {
  if (path.includes('{**}')) return [path.replace('{**}', '{*}')];
  return path.includes('{*}') ? [path.replace(/\{\*\}(?!.*\{\*\})/, '{**}')] : [];
};

/** The operators on operations. */
export const OPERATION: readonly Operator[] = [
  operator('O1', 'another method', swappedMethods),
  operator(
    'O2',
    'every method of the service',
    respelled((path) => [`${split(path)[0]}*`]),
  ),
  operator(
    'O3',
    'a prefix of the method',
    respelled((path) => [`${split(path)[0]}${split(path)[1].slice(0, 3)}*`]),
  ),
  operator(
    'O4',
    'a suffix in place of the path',
    respelled((path) => [`*/${split(path)[1]}`, '*']),
  ),
  operator('O5', '`paths` is dropped', dropField('paths')),
  operator('O6', '`methods` is dropped', dropField('methods')),
  operator('O7', 'other HTTP methods', otherMethods),
  operator('O8', "the Service's port", servicePorts),
  operator('O9', '`ports` is dropped', dropField('ports')),
  operator('O10', 'reflection is added', reflection),
  operator('O11', 'letters of the other case', otherCase),
  operator(
    'O12',
    'a trailing slash',
    respelled((path) => [path.endsWith('/') ? path.slice(0, -1) : `${path}/`]),
  ),
  operator(
    'O13',
    'no leading slash',
    respelled((path) => [path.replace(/^\//, '')]),
  ),
  operator('O14', '`{*}` and `{**}` exchanged', respelled(templates)),
  operator('O15', 'a host with another port or in capitals', hosts),
  operator('O16', 'a field of the operation negated', negated),
];
