/** I1 to I14: who calls. */
import { type Materials, type Operator, operator, rewriting, type Sketch } from '../mutant.ts';
import { Spot } from '../spot.ts';
import { conditions, entries, nextAfter, renamed, sources, sourcesOf } from './policy-text.ts';

const principals = (materials: Materials): readonly Spot[] => entries(sources(materials), 'principals');

/** Every principal of the mesh in the form of policies, sorted. */
function knownPrincipals({ mesh }: Materials): readonly string[] {
  const all = mesh.workloads.map(
    ({ namespace, serviceAccount }) => `${mesh.config.trustDomain}/ns/${namespace}/sa/${serviceAccount}`,
  );
  return [...new Set(all)].toSorted();
}

/**
 * A value of the same field that the list does not hold yet: first one that the policy knows elsewhere, as happens when a
 * line is copied, else another caller, namespace or account of the mesh.
 */
function another(materials: Materials, entry: Spot): string | undefined {
  const parts = knownPrincipals(materials).map(partsOf);
  const field = String(entry.steps.at(-2));
  const known =
    field === 'principals'
      ? knownPrincipals(materials)
      : parts.map(({ namespace, account }) => (field === 'namespaces' ? namespace : `${namespace}/${account}`));
  const taken = new Set(listOf(entry));
  const isNew = (value: string) => !taken.has(value);
  const own = entries(sourcesOf(new Spot(entry.document)), field).map((each) => each.text());
  return own.find(isNew) ?? nextAfter([entry.text(), ...new Set(known.filter(isNew))], entry.text());
}

/** The texts of the list that an entry stands in. */
function listOf(entry: Spot): readonly string[] {
  return entry.up(1).texts();
}

const peers = (materials: Materials): readonly Spot[] =>
  ['principals', 'namespaces', 'serviceAccounts'].flatMap((field) => entries(sources(materials), field));

function* swapped(materials: Materials): Iterable<Sketch> {
  for (const entry of peers(materials)) {
    const other = another(materials, entry);
    if (other !== undefined) yield rewriting(entry, other, `\`${entry.text()}\` became \`${other}\``);
  }
}

const respelled = (spell: (principal: string) => readonly string[]) =>
  function* sketch(materials: Materials): Iterable<Sketch> {
    for (const entry of principals(materials))
      for (const text of spell(entry.text()))
        if (text !== entry.text()) yield rewriting(entry, text, `\`${entry.text()}\` became \`${text}\``);
  };

/** Splits `td/ns/n/sa/a`; other spellings have no parts. */
function partsOf(principal: string): { readonly domain: string; readonly namespace: string; readonly account: string } {
  const [, domain = '', namespace = '', account = ''] = /^([^/]*)\/ns\/([^/]*)\/sa\/(.*)$/.exec(principal) ?? [];
  return { domain, namespace, account };
}

function* foreignDomains(materials: Materials): Iterable<Sketch> {
  for (const entry of principals(materials)) {
    const { domain, namespace, account } = partsOf(entry.text());
    if (account === '') continue;
    for (const other of ['cluster.local', 'other.example'].filter((name) => name !== domain))
      yield rewriting(entry, `${other}/ns/${namespace}/sa/${account}`, `the trust domain became \`${other}\``);
  }
}

/** Principals become a list of another field of the source. */
const asField = (field: string, value: (principal: string) => string) =>
  function* sketch(materials: Materials): Iterable<Sketch> {
    for (const source of sources(materials)) {
      const list = source.get('principals');
      const values = [...new Set(list.texts().map(value))];
      if (values.length === 0 || values.some((text) => text === '')) continue;
      const { principals: _, ...others } = source.value as Readonly<Record<string, unknown>>;
      yield rewriting(source, { ...others, [field]: values }, `\`principals\` became \`${field}\``);
    }
  };

const OPPOSITES = ['principals', 'namespaces', 'serviceAccounts', 'requestPrincipals', 'ipBlocks', 'remoteIpBlocks'];

function* negated(materials: Materials): Iterable<Sketch> {
  for (const source of sources(materials)) {
    for (const field of OPPOSITES) {
      const not = `not${field[0]?.toUpperCase()}${field.slice(1)}`;
      for (const [from, to] of [[field, not] as const, [not, field] as const])
        if (source.get(from).isPresent())
          yield rewriting(source, renamed(source.value, from, to), `\`${from}\` became \`${to}\``);
    }
  }
}

function* added(materials: Materials): Iterable<Sketch> {
  for (const field of ['principals', 'namespaces', 'serviceAccounts']) {
    for (const source of sources(materials)) {
      const list = source.get(field);
      const first = list.items()[0];
      const other = first === undefined ? undefined : another(materials, first);
      if (other !== undefined) yield rewriting(list, [...list.texts(), other], `\`${other}\` was added`);
    }
  }
}

function* dropped(materials: Materials): Iterable<Sketch> {
  for (const entry of peers(materials)) {
    const list = entry.up(1);
    const alone = list.items().length === 1;
    yield rewriting(alone ? list : entry, undefined, `\`${entry.text()}\` was dropped`);
  }
}

const BLOCK_FIELDS = ['ipBlocks', 'notIpBlocks', 'remoteIpBlocks', 'notRemoteIpBlocks'];

function* blocks(materials: Materials): Iterable<Sketch> {
  const inSources = BLOCK_FIELDS.flatMap((field) => entries(sources(materials), field));
  const inConditions = conditions(materials)
    .filter((condition) => /^(source|remote|destination)\.ip$/.test(condition.get('key').text()))
    .flatMap((condition) => [...condition.get('values').items(), ...condition.get('notValues').items()]);
  for (const entry of [...inSources, ...inConditions])
    for (const other of widerBlocks(entry.text()))
      yield rewriting(entry, other, `\`${entry.text()}\` became \`${other}\``);
}

/** Blocks that hold more than `block`, and all of the other family. */
export function widerBlocks(block: string): readonly string[] {
  const [address = '', length] = block.split('/');
  const v6 = address.includes(':');
  const bits = length === undefined ? (v6 ? 128 : 32) : Number(length);
  const wider = [Math.max(bits - 1, 0), 0].map((each) =>
    each === 0 ? (v6 ? '::/0' : '0.0.0.0/0') : `${address}/${each}`,
  );
  return [...new Set([...wider, v6 ? '0.0.0.0/0' : '::/0'])].filter((other) => other !== block);
}

function* exchangedBlocks(materials: Materials): Iterable<Sketch> {
  const pairs = [
    ['ipBlocks', 'remoteIpBlocks'],
    ['remoteIpBlocks', 'ipBlocks'],
    ['notIpBlocks', 'notRemoteIpBlocks'],
    ['notRemoteIpBlocks', 'notIpBlocks'],
  ] as const;
  for (const source of sources(materials))
    for (const [from, to] of pairs)
      if (source.get(from).isPresent() && !source.get(to).isPresent())
        yield rewriting(source, renamed(source.value, from, to), `\`${from}\` became \`${to}\``);
}

function* requestPrincipals(materials: Materials): Iterable<Sketch> {
  for (const source of sources(materials)) {
    const list = source.get('requestPrincipals');
    if (!list.isPresent()) continue;
    yield rewriting(list, undefined, '`requestPrincipals` was dropped');
    for (const entry of list.items()) {
      const subject = entry.text().slice(entry.text().lastIndexOf('/') + 1);
      for (const other of ['*', `https://other.example/${subject}`])
        if (other !== entry.text()) yield rewriting(entry, other, `\`${entry.text()}\` became \`${other}\``);
    }
  }
}

/** The operators on callers. */
export const SOURCE: readonly Operator[] = [
  operator('I1', 'another caller', swapped),
  operator(
    'I2',
    'a prefix in place of a principal',
    respelled((text) => [`${text}*`, `${text.slice(0, text.lastIndexOf('/') + 1)}*`]),
  ),
  operator(
    'I3',
    'a suffix in place of a principal',
    respelled((text) => [`*${text.slice(text.lastIndexOf('/sa/'))}`, `*${text.slice(text.lastIndexOf('/') + 1)}`]),
  ),
  operator(
    'I4',
    '`*` in place of a principal',
    respelled(() => ['*']),
  ),
  operator('I5', 'another trust domain', foreignDomains),
  operator(
    'I6',
    'a namespace in place of principals',
    asField('namespaces', (text) => partsOf(text).namespace),
  ),
  operator('I7', 'a bare account in place of a principal', function* bare(materials) {
    yield* respelled((text) => [partsOf(text).account || `${text}-bare`])(materials);
    yield* asField('serviceAccounts', (text) => {
      const { namespace, account } = partsOf(text);
      return account === '' || account.includes('*') ? '' : `${namespace}/${account}`;
    })(materials);
  }),
  operator('I8', 'a field of the source negated', negated),
  operator('I9', 'a caller added', added),
  operator('I10', 'a caller dropped', dropped),
  operator(
    'I11',
    'a dot in the account',
    respelled((text) => [`${text.slice(0, -2)}.${text.slice(-1)}`]),
  ),
  operator('I12', 'a wider block, or another family', blocks),
  operator('I13', 'ipBlocks and remoteIpBlocks exchanged', exchangedBlocks),
  operator('I14', 'requestPrincipals dropped or widened', requestPrincipals),
];
