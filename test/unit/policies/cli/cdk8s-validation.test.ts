import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiObject, App, Chart } from 'cdk8s';
import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MeshwrightOptions, MeshwrightValidation } from '#policies/cli/cdk8s/validation.ts';
import type { Violation } from '#policies/cli/cdk8s/violation.ts';
import { CLEAN, cartPolicy, cartRule, type Parts } from '../analysis/lint/lint-mesh.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshwright-cdk8s-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** An app of somebody else: every document is an object of one chart. Returns what cdk8s has rendered. */
async function synthesize(name: string, parts: Parts): Promise<readonly string[]> {
  const outdir = join(folder, name);
  const app = new App({ outdir, recordConstructMetadata: true });
  const chart = new Chart(app, 'shop');
  const texts = Object.values(parts).flatMap((text) => (text ?? '').split(/^---$/m));
  for (const [index, text] of texts.entries()) {
    const { apiVersion, kind, metadata, ...rest } = load(text) as Record<string, unknown>;
    new ApiObject(chart, `object-${index}`, {
      apiVersion: String(apiVersion),
      kind: String(kind),
      metadata: metadata as object,
      ...rest,
    });
  }
  app.synth();
  const files = await readdir(outdir);
  return files.filter((file) => file.endsWith('.yaml')).map((file) => join(outdir, file));
}

interface Report {
  readonly violations: readonly Violation[];
  readonly status: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Runs the plugin with a report like that of cdk8s: nothing may be added once it is submitted. */
async function validate(manifests: readonly string[], options: MeshwrightOptions = {}): Promise<Report> {
  const violations: Violation[] = [];
  let submitted: Omit<Report, 'violations'> | undefined;
  const report = {
    addViolation: (violation: Violation) => {
      if (submitted !== undefined) throw new Error('the report was submitted already');
      violations.push(violation);
    },
    submit: (status: string, metadata: Readonly<Record<string, string>> = {}) => {
      submitted = { status, metadata };
    },
  };
  await new MeshwrightValidation(options).validate({ manifests, report });
  return { violations, status: submitted?.status, metadata: submitted?.metadata ?? {} };
}

const rules = ({ violations }: Report) => [...new Set(violations.map(({ ruleName }) => ruleName))];

describe('the cdk8s validation plugin', () => {
  test('passes an app whose mesh is clean, and says what was proved', async () => {
    const report = await validate(await synthesize('clean', CLEAN));
    expect(report).toMatchObject({ status: 'success', violations: [] });
    expect(report.metadata).toMatchObject({ 'no-plaintext': 'proved', 'default-deny': 'proved' });
  });

  test('reports a finding of lint by the name under which cdk8s knows the construct', async () => {
    const manifests = await synthesize('scheme', {
      ...CLEAN,
      policy: cartPolicy([cartRule({ principals: ['spiffe://td/ns/shop/sa/front'] })]),
    });
    const report = await validate(manifests);
    expect(report.status).toBe('failure');
    const found = report.violations.find(({ ruleName }) => ruleName === 'authz/spiffe-prefix');
    expect(rules(report)).toContain('authz/spiffe-prefix');
    expect(found?.violatingResources).toMatchObject([{ resourceName: 'cart', manifestPath: manifests[0] }]);
    expect(found?.violatingResources[0]?.locations[0]).toMatch(/^spec\.rules\[0\].*\(line \d+\)$/);
    expect(found?.fix).toMatch(/\w/);
  });

  test('refutes what is not declared with a request, on the policy that lets it in', async () => {
    const intent = join(folder, 'intent.json');
    await writeFile(intent, JSON.stringify({ version: 1, trustDomain: 'td', grants: [], platform: [] }));
    const report = await validate(await synthesize('undeclared', CLEAN), { intent, failOn: 'error' });
    expect(report.status).toBe('failure');
    const [first] = report.violations;
    expect(first).toMatchObject({
      ruleName: 'verify/allowed-equals-declared',
      violatingResources: [{ resourceName: 'cart' }],
    });
    expect(first?.recommendation).toContain('front -> cart:8080 POST /shop.Cart/Get: expected deny, got allow');
    expect(first?.fix).toContain('request: {"id"');
  });

  test('reports what the cluster would refuse, and proves nothing on it', async () => {
    const report = await validate(
      await synthesize('refused', { ...CLEAN, policy: cartPolicy([{ from: [] }, {}, { to: [{}] }]) }),
    );
    expect(report).toMatchObject({ status: 'failure', metadata: { input: 'invalid' } });
    expect(rules(report).every((rule) => rule.startsWith('webhook/') || rule.startsWith('schema/'))).toBe(true);
  });

  test('takes an intent that cannot be read for a problem, not for none', async () => {
    const report = await validate(await synthesize('no-intent', CLEAN), { intent: join(folder, 'nowhere.json') });
    expect(report.status).toBe('failure');
    expect(rules(report)).toEqual(['intent/json']);
  });
});
