import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { PROFILES } from '#policies/analysis/index.ts';
import type { Finding } from '#policies/analysis/lint/finding.ts';
import { lint } from '#policies/analysis/lint/lint.ts';
import { readDocuments, type SourceDocument } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { printYaml } from '#policies/language/print.ts';
import { documentsOf, synthesized, synthesizedFolders } from '../../../../support/synthesized.ts';

function findingsOf(documents: readonly SourceDocument[]): readonly Finding[] {
  const mesh = parseMesh(documents);
  if (!mesh.ok) throw new Error(mesh.problems.map(({ code }) => code).join(' '));
  return lint({ mesh: mesh.value, documents, profile: PROFILES['istio-1.31'], on: '2026-06-01' }).findings;
}

const grave = (findings: readonly Finding[]) =>
  findings.filter(({ severity }) => severity !== 'note').map(({ code, message }) => `${code}: ${message}`);

describe.each(['kind', 'production'])('the manifests of %s', (environment) => {
  let files: ReadonlyMap<string, string>;
  beforeAll(async () => {
    files = await synthesized(environment);
  });

  test('have no finding at or above warning', () => {
    expect(grave(findingsOf(documentsOf(files)))).toEqual([]);
  });

  test('have notes about monitoring alone, which is installed apart', () => {
    const notes = findingsOf(documentsOf(files)).map(({ code, message }) => `${code} ${message}`);
    expect(notes.length).toBeGreaterThan(0);
    expect(notes.filter((note) => !/observability\/prometheus|istio-system\/istiod/.test(note))).toEqual([]);
  });
});

test('with SPIRE and its installation nothing is left that no suppression explains', async () => {
  const { files, issuer } = await synthesizedFolders('kind-spire');
  expect(issuer.size).toBeGreaterThan(0);
  expect(grave(findingsOf(documentsOf(new Map([...files, ...issuer]))))).toEqual([]);
});

/** The objects of a rendering, to be changed in place. */
class Objects {
  readonly all: Plain[];

  constructor(files: ReadonlyMap<string, string>) {
    this.all = documentsOf(files).map(({ value }) => structuredClone(value) as Plain);
  }

  /** The object of that kind and name in `trading`, or in the namespace given. */
  find(kind: string, name: string, namespace = 'trading'): Plain {
    const found = this.all.find(
      ({ kind: each, metadata }) => each === kind && metadata.name === name && metadata.namespace === namespace,
    );
    if (found === undefined) throw new Error(`no ${kind} ${namespace}/${name}`);
    return found;
  }

  remove(kind: string, name: string, namespace: string): void {
    this.all.splice(this.all.indexOf(this.find(kind, name, namespace)), 1);
  }

  /** The rule that lets `order` submit trades. */
  get rule(): Rule {
    const rule = this.find('AuthorizationPolicy', 'execution-callers').spec.rules?.find(({ from }) =>
      from?.[0]?.source['principals']?.includes(ORDER),
    );
    if (rule === undefined) throw new Error('order has no rule');
    return rule;
  }

  get findings(): readonly Finding[] {
    return findingsOf(readDocuments('kind.yaml', this.text).documents);
  }

  get text(): string {
    return this.all.map(printYaml).join('---\n');
  }
}

type Fields = Record<string, string[]>;
interface Rule {
  from?: { source: Fields }[];
  to?: { operation: Fields }[];
}
interface Plain {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  spec: {
    rules?: Rule[];
    selector?: { matchLabels?: Record<string, string> };
    mtls?: { mode: string };
    ports?: { port: number; name: string }[];
  };
}

const ORDER = 'trading.local/ns/trading/sa/order';
const setSource = (rule: Rule, source: Fields) => Object.assign(rule, { from: [{ source }] });
const setOperation = (rule: Rule, operation: Fields) => Object.assign(rule.to?.[0]?.operation ?? {}, operation);
const strict = (objects: Objects) => objects.find('PeerAuthentication', 'default').spec;

/** The twelve faults that were planted in generated fleets, one at a time, and found by no other tool. */
describe('a fault planted in the manifests of kind is found', () => {
  const faults: readonly {
    readonly fault: string;
    readonly code: string;
    readonly plant: (objects: Objects) => unknown;
  }[] = [
    {
      fault: 'unknown principal',
      code: 'authz/unknown-principal',
      plant: ({ rule }) => setSource(rule, { principals: [`${ORDER}s`] }),
    },
    {
      fault: 'spiffe:// in a principal',
      code: 'authz/spiffe-prefix',
      plant: ({ rule }) => setSource(rule, { principals: [`spiffe://${ORDER}`] }),
    },
    {
      fault: 'selector matching nothing',
      code: 'selector/matches-nothing',
      plant: (objects) => {
        objects.find('AuthorizationPolicy', 'execution-callers').spec.selector = { matchLabels: { app: 'exectuion' } };
      },
    },
    {
      fault: 'unknown namespace',
      code: 'authz/unknown-namespace',
      plant: ({ rule }) => setSource(rule, { namespaces: ['tradnig'] }),
    },
    {
      fault: 'star in the middle of a path',
      code: 'authz/inner-star',
      plant: ({ rule }) => setOperation(rule, { paths: ['/trading.execution.*/SubmitTrade'] }),
    },
    {
      fault: 'Service port instead of target port',
      code: 'authz/service-port',
      plant: (objects) => {
        for (const port of objects.find('Service', 'execution').spec.ports ?? []) port.port = 80;
        setOperation(objects.rule, { ports: ['80'] });
      },
    },
    {
      fault: 'rule without source',
      code: 'authz/rule-without-source',
      plant: ({ rule }) => Reflect.deleteProperty(rule, 'from'),
    },
    {
      fault: 'mTLS PERMISSIVE',
      code: 'transport/permissive',
      plant: (objects) => {
        strict(objects).mtls = { mode: 'PERMISSIVE' };
      },
    },
    {
      fault: 'mTLS DISABLE under principal rules',
      code: 'transport/identity-rule-without-mtls',
      plant: (objects) => {
        strict(objects).mtls = { mode: 'DISABLE' };
      },
    },
    {
      fault: 'default deny of a namespace removed',
      code: 'authz/default-deny-incomplete',
      plant: (objects) => objects.remove('AuthorizationPolicy', 'default-deny', 'trading'),
    },
    {
      fault: 'default deny of the mesh removed',
      code: 'authz/default-deny-incomplete',
      plant: (objects) => objects.remove('AuthorizationPolicy', 'default-deny', 'istio-system'),
    },
    {
      fault: 'DENY that shuts all',
      code: 'authz/denies-everything',
      plant: (objects) =>
        objects.all.push({
          apiVersion: 'security.istio.io/v1',
          kind: 'AuthorizationPolicy',
          metadata: { name: 'shut', namespace: 'trading' },
          spec: { action: 'DENY', rules: [{}] },
        } as Plain),
    },
  ];

  let files: ReadonlyMap<string, string> = new Map();
  beforeAll(async () => {
    files = await synthesized('kind');
  });

  test('unchanged, the objects have none of these codes', () => {
    expect(grave(new Objects(files).findings)).toEqual([]);
  });

  test.for(faults)('$fault: $code', ({ code, plant }) => {
    const objects = new Objects(files);
    plant(objects);
    const codes = objects.findings.filter(({ severity }) => severity !== 'note').map((finding) => finding.code);
    expect(codes).toContain(code);
  });

  test('misspelt field: the documents are refused with its place', () => {
    const objects = new Objects(files);
    setSource(objects.rule, { principal: [ORDER] });
    const mesh = parseMesh(readDocuments('kind.yaml', objects.text).documents);
    expect(mesh.ok ? [] : mesh.problems.map(({ code, at }) => `${code.split('/')[0]} ${at.path}`)).toContainEqual(
      expect.stringMatching(/^unknown-field spec\.rules\[\d+\]\.from\[0\]\.source\.principal$/),
    );
  });
});

describe('a public application', () => {
  const file = new URL('../../../../../../shared/data/online-boutique.yaml', import.meta.url);

  test(`has the findings that its description names${existsSync(file) ? '' : ' (not checked: the file is not here)'}`, async () => {
    if (!existsSync(file)) {
      process.stderr.write(`${file.pathname} is not here: the public application is not checked\n`);
      expect(existsSync(file)).toBe(false);
      return;
    }
    const { documents } = readDocuments('online-boutique.yaml', await readFile(file, 'utf8'));
    const found = findingsOf(documents);
    const count = (code: string) => found.filter((finding) => finding.code === code).length;
    expect(found.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(count('transport/not-strict')).toBe(1);
    expect(count('network/egress-open')).toBe(12);
  });
});
